# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tcp_frames - a TCP conversation through the gateway of agent.sh, frame by frame: round trips and losses are what it makes.

    tcp_frames.py CLIENT_NS GW_NS SERVER_NS SPORT N NEAR_MS FAR_MS RETRANSMITS LOST_BEFORE

Both ends are addresses that no host has (10.1.0.50, 10.2.0.50), so that no kernel answers. The client sends N segments of 100
bytes, each acknowledged FAR_MS later with 200 bytes, which it acknowledges NEAR_MS after that; then RETRANSMITS segments that it
sends twice, and LOST_BEFORE that come 10 ms behind their successor. The connection stays open. Prints the mean round trips in
microseconds as they really were: "near far".
"""
import ctypes, os, socket, struct, subprocess, sys, time

CLIENT, SERVER = '10.1.0.50', '10.2.0.50'
SYN, PSH, ACK = 2, 8, 16


def enter(namespace):
    with open('/run/netns/' + namespace) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), 'setns')


def mac_of(namespace, interface):
    out = subprocess.run(['ip', '-n', namespace, '-o', 'link', 'show', interface], stdout=subprocess.PIPE, text=True, check=True).stdout
    return out.split('link/ether ')[1].split()[0]


def packet_socket(namespace, interface):
    enter(namespace)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((interface, 0))
    return s


def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(dst, src, ips, ports, seq, ack, flags, size):
    eth = bytes.fromhex((dst + src).replace(':', '')) + b'\x08\x00'
    a, b = (socket.inet_aton(ip) for ip in ips)
    ip = struct.pack('>BBHHHBBH', 0x45, 0, 40 + size, 0, 0x4000, 64, 6, 0) + a + b
    ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
    tcp = struct.pack('>HHIIBBHHH', *ports, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 60000, 0, 0)
    pseudo = a + b + struct.pack('>BBH', 0, 6, 20 + size)
    tcp = tcp[:16] + struct.pack('>H', checksum(pseudo + tcp + bytes(size))) + tcp[18:]
    return eth + ip + tcp + bytes(size)


class End:
    def __init__(self, sock, macs, ips, ports):
        self.sock, self.macs, self.ips, self.ports = sock, macs, ips, ports
        self.seq, self.peer = 1000, None

    def send(self, flags, size=0, seq=None):
        self.sock.send(frame(*self.macs, self.ips, self.ports, self.seq if seq is None else seq, self.peer.seq if flags & ACK else 0,
                             flags, size))
        if seq is None:
            self.seq += size + (1 if flags & SYN else 0)
        return time.monotonic()


def main():
    client_ns, gw, server_ns = sys.argv[1:4]
    sport, n, near_ms, far_ms, again, lost = map(int, sys.argv[4:])
    for device, ip, namespace, peer in (('lan0', CLIENT, client_ns, 'c0'), ('wan0', SERVER, server_ns, 's0')):
        subprocess.run(['ip', '-n', gw, 'neigh', 'replace', ip, 'lladdr', mac_of(namespace, peer), 'dev', device, 'nud', 'permanent'], check=True)
    client_macs, server_macs = (mac_of(gw, 'lan0'), mac_of(client_ns, 'c0')), (mac_of(gw, 'wan0'), mac_of(server_ns, 's0'))
    client = End(packet_socket(client_ns, 'c0'), client_macs, (CLIENT, SERVER), (sport, 7000))
    server = End(packet_socket(server_ns, 's0'), server_macs, (SERVER, CLIENT), (7000, sport))
    client.peer, server.peer = server, client
    server.seq = 500000

    def far():
        time.sleep(far_ms / 1000)

    def near():
        time.sleep(near_ms / 1000)

    client.send(SYN)
    far()
    server.send(SYN | ACK)
    near()
    client.send(ACK)
    nears, fars = [], []
    for _ in range(n):
        begin = client.send(PSH | ACK, 100)
        far()
        middle = server.send(PSH | ACK, 200)
        near()
        end = client.send(ACK)
        fars.append(middle - begin)
        nears.append(end - middle)
    for _ in range(again):
        at = client.seq
        client.send(PSH | ACK, 100)
        near()
        client.send(PSH | ACK, 100, seq=at)
        far()
        server.send(ACK)
    for _ in range(lost):
        at = client.seq
        client.seq += 100
        client.send(PSH | ACK, 100)
        time.sleep(0.01)
        client.send(PSH | ACK, 100, seq=at)
        far()
        server.send(ACK)
    print(*(int(1e6 * sum(times) / len(times)) for times in (nears, fars)))


main()
