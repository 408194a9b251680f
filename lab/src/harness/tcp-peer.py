# serve NAME: on TCP port 7000, sends its name, takes bytes until their end, sends how many.  send IP BYTES: the other side, answers in JSON.
import json, socket, sys, threading, time

def serve(name):
    def one(c):
        c.sendall(name.encode() + b'\n')
        n = 0
        while True:
            b = c.recv(1 << 16)
            if not b:
                break
            n += len(b)
        c.sendall(str(n).encode())
        c.close()
    s = socket.create_server(('', 7000), backlog=64)
    while True:
        c, _ = s.accept()
        threading.Thread(target=one, args=(c,), daemon=True).start()

def send(ip, size):
    try:
        c = socket.create_connection((ip, 7000), timeout=10)
        r = c.makefile('rb')
        name = r.readline().decode().strip()
        block = b'x' * 65536
        begun = time.monotonic()
        left = size
        while left > 0:
            n = min(left, len(block))
            c.sendall(block[:n])
            left -= n
        c.shutdown(socket.SHUT_WR)
        got = int(r.read() or b'0')
        print(json.dumps({'name': name, 'bytes': got, 'seconds': time.monotonic() - begun}))
    except OSError as e:
        print(json.dumps({'name': '', 'bytes': 0, 'seconds': 0, 'error': str(e)}))

serve(sys.argv[2]) if sys.argv[1] == 'serve' else send(sys.argv[2], int(sys.argv[3]))
