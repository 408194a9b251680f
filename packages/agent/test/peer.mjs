// In a network namespace: `serve` answers UDP and takes TCP in; `ping IP COUNT EVERY_MS SIZE` and `pour IP BYTES` say what came back.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const [what, ip, ...numbers] = process.argv.slice(2);
const port = 7;

if (what === 'serve') {
  const socket = createSocket('udp4').bind(port);
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  createServer((client) => {
    let bytes = 0;
    client.on('data', (d) => (bytes += d.length)).on('end', () => client.end(String(bytes))).on('error', () => undefined);
  }).listen(port, () => console.log('ready'));
} else if (what === 'ping') {
  const [count, every, size] = numbers.map(Number);
  const socket = createSocket('udp4');
  const seen = new Set();
  socket.on('message', (data) => seen.add(data.readUInt32BE(0)));
  // Unreachable is lost.
  socket.on('error', () => undefined);
  socket.bind(0, () => {
    socket.setBroadcast(true);
    let n = 0;
    const timer = setInterval(() => {
      if (n === count) {
        clearInterval(timer);
        return setTimeout(() => {
          console.log(`${count}/${seen.size}`);
          process.exit(0);
        }, 800);
      }
      const data = Buffer.alloc(size);
      data.writeUInt32BE(n, 0);
      n += 1;
      socket.send(data, port, ip, () => undefined);
    }, every);
  });
} else {
  const begun = performance.now();
  const client = connect(port, ip, () => client.end(Buffer.alloc(Number(numbers[0]))));
  client.on('data', (d) => console.log(`${d.toString()} ${Math.round(performance.now() - begun)}`)).on('error', (e) => console.log(e.message));
}
