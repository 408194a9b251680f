# What a guest that may hold a virtual IP runs beside its service: waits at Godwit for the holder to change; takes the address and says so by gratuitous ARP, or lets it go.
# URL VIP PORT ADDRESS/BITS NAMESPACE; token and auth URL in the environment. Every line it prints begins with the time, ms.
import json, os, socket, struct, subprocess, sys, time, urllib.request

url, vip, port, address, namespace = sys.argv[1:6]
say = lambda *a: print(int(time.time() * 1000), *a, flush=True)
# The guest's network is another than that over which Godwit is reached: so is a VNF's management interface.
here = os.open('/proc/self/ns/net', os.O_RDONLY)
os.setns(os.open('/run/netns/' + namespace, os.O_RDONLY))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(('eth0', 0x0806))
mac = wire.getsockname()[4]
os.setns(here)
ip = subprocess.Popen(['ip', '-n', namespace, '-force', '-batch', '-'], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
raw = socket.inet_aton(address.split('/')[0])
garp = b'\xff' * 6 + mac + struct.pack('!HHHBBH', 0x0806, 1, 0x0800, 6, 4, 1) + mac + raw + b'\xff' * 6 + raw

def do(command):
    ip.stdin.write(command.encode() + b'\n')
    ip.stdin.flush()

epoch, held, again = 0, None, 0
while True:
    try:
        ask = urllib.request.Request(f'{url}/v1/vips/{vip}?after={epoch}&wait=20', headers={'X-Auth-Token': os.environ['TOKEN'], 'X-Auth-Url': os.environ['AUTH_URL']})
        seen = json.load(urllib.request.urlopen(ask, timeout=40))
    except OSError as e:
        say('error', e)
        time.sleep(0.5)
        continue
    epoch, mine = seen['epoch'], seen['holder']['port'] == port
    if mine and held is not True:
        do(f'addr add {address} dev eth0')
        wire.send(garp)
        say('holds', epoch)
        # A frame may be lost.
        for pause in (0.02, 0.1):
            time.sleep(pause)
            wire.send(garp)
    elif not mine and held is not False:
        do(f'addr del {address} dev eth0')
        say('let go', epoch)
    held = mine
