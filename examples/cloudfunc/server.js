// A function as an image: an HTTP server that answers POST /run. It listens on port 5000, the one that the image exposes.
const { createServer } = require('node:http');

createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  if (req.method !== 'POST' || req.url !== '/run') {
    res.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"POST /run"}');
    return;
  }
  const payload = JSON.parse(Buffer.concat(chunks).toString());
  console.log('greeting', payload?.name);
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ message: `Hello, ${payload?.name ?? 'world'}!` }));
}).listen(5000);
