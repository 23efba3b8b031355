// Asks the Docker daemon whether it is there, with nothing but Node: neither curl nor the docker command may exist.
//
//   node scripts/docker-ping.mjs [--wait SECONDS]
//
// Prints one word and exits 0 only for the first:
//   answers      a daemon answered
//   absent       nobody listens there
//   denied       the socket is there, this user may not open it
//   silent       somebody listens but did not answer in time
//   broken       an answer came, but not Docker's
//   unsupported  DOCKER_HOST is neither unix:///path nor tcp://host:port
import http from 'node:http';
import { text } from 'node:stream/consumers';

const ANSWER_WITHIN_MS = 3000;
const RETRY_AFTER_MS = 100;

/** Where the daemon is: what DOCKER_HOST says, else the usual socket. The server reads it the same way. */
function address(dockerHost) {
  if (!dockerHost) return { socketPath: '/var/run/docker.sock' };
  if (dockerHost.startsWith('unix:///')) return { socketPath: dockerHost.slice('unix://'.length) };
  if (!dockerHost.startsWith('tcp://') || !URL.canParse(dockerHost)) return undefined;
  const { hostname, port } = new URL(dockerHost);
  return hostname ? { host: hostname, port: port || 2375 } : undefined;
}

function ping(where) {
  return new Promise((resolve) => {
    const request = http.get(
      { ...where, path: '/_ping', headers: { Host: 'docker' }, agent: false, timeout: ANSWER_WITHIN_MS },
      (response) => {
        // Anybody may answer 200.
        text(response).then(
          (body) => resolve(response.statusCode === 200 && body === 'OK' ? 'answers' : 'broken'),
          () => resolve('broken'),
        );
      },
    );
    request.on('timeout', () => {
      resolve('silent');
      request.destroy();
    });
    request.on('error', ({ code }) => {
      if (code === 'EACCES' || code === 'EPERM') resolve('denied');
      else if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTFOUND') resolve('absent');
      else resolve('broken');
    });
  });
}

const waitMs = process.argv[2] === '--wait' ? Number(process.argv[3]) * 1000 : 0;
const giveUpAt = Date.now() + waitMs;
const where = address(process.env.DOCKER_HOST);
let state = where ? await ping(where) : 'unsupported';
while (where && state !== 'answers' && Date.now() < giveUpAt) {
  await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
  state = await ping(where);
}
console.log(state);
process.exitCode = state === 'answers' ? 0 : 1;
