# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""smtp_starttls PORT CERTIFICATE KEY: a mail server that knows as much of SMTP as a client asks for before and after
STARTTLS (RFC 3207). The client and the TLS are real, and so are the lines between them."""
import socketserver, ssl, sys

port, certificate, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


class Mail(socketserver.StreamRequestHandler):
    def talk(self, stream, answers):
        """Until STARTTLS or the end."""
        for line in iter(stream.readline, b''):
            verb = line.split()[0].upper() if line.split() else b''
            stream.write(answers.get(verb, b'500 5.5.1 what?') + b'\r\n')
            stream.flush()
            if verb in (b'STARTTLS', b'QUIT'):
                return verb == b'STARTTLS'
        return False

    def handle(self):
        self.wfile.write(b'220 mail.weir.test ESMTP\r\n')
        plain = self.connection.makefile('rwb')
        bye = {b'QUIT': b'221 2.0.0 bye'}
        if self.talk(plain, {b'EHLO': b'250-mail.weir.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 STARTTLS', b'STARTTLS': b'220 2.0.0 go ahead', **bye}):
            with context.wrap_socket(self.connection, server_side=True) as tls:
                self.talk(tls.makefile('rwb'), {b'EHLO': b'250 mail.weir.test', **bye})


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


Server(('', int(port)), Mail).serve_forever()
