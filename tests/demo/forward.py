# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""forward NETNS PORT...: gives each port of the namespace's loopback one on this machine's loopback; prints "PORT HERE" lines.

A process may open its listening sockets here, go into the namespace, and connect there.
"""
import ctypes, os, socket, sys, threading

CLONE_NEWNET = 0x40000000


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(listener, port):
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection(('127.0.0.1', port), 5)
            far.settimeout(None)
        except OSError:
            near.close()
            continue
        for ends in ((near, far), (far, near)):
            threading.Thread(target=pump, args=ends, daemon=True).start()


listeners = [(socket.create_server(('127.0.0.1', 0)), int(port)) for port in sys.argv[2:]]
with open('/run/netns/' + sys.argv[1]) as ns:
    if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET):
        sys.exit('forward: setns %s: %s' % (sys.argv[1], os.strerror(ctypes.get_errno())))
for listener, port in listeners:
    threading.Thread(target=serve, args=(listener, port), daemon=True).start()
    print(port, listener.getsockname()[1], flush=True)
threading.Event().wait()
