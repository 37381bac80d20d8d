# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""hello_pieces NAME PORT CAFILE: a TLS handshake whose ClientHello goes out in segments of 100 bytes, as a large
post-quantum one goes out in two. The rest of the connection is as usual."""
import socket, ssl, sys, time

PIECE = 100

name, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(['h2', 'http/1.1'])
received, out = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(received, out, server_hostname=name)

with socket.create_connection((name, port), timeout=5) as sock:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    first = True
    while True:
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        data = out.read()
        step = PIECE if first else len(data) or 1
        for at in range(0, len(data), step):
            sock.sendall(data[at:at + step])
            time.sleep(0.005 if first else 0)
        first = False
        if done:
            break
        received.write(sock.recv(65536))
print(tls.version(), tls.selected_alpn_protocol())
