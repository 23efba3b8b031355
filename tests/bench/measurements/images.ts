/**
 * Owns the row of a call of an image that runs once per call, against the least that must be done for it: create, start,
 * wait, read the answer, by the raw Engine API with the same image and settings. Interleaved, nothing else at work; each side
 * starts when the other's container is gone.
 */
import { request } from 'node:http';
import { removeImages, shellImage } from '../../helpers/test-images.js';
import type { Measurement } from '../measurement.js';
import type { ServerUnderTest } from '../server-under-test.js';
import { median, summary } from '../statistics.js';
import { NOTHING_IDLE } from '../workbench.js';

const WARM_UP = 2;
const IMAGE = 'glambdar-bench-images/echo:1';
const BODY = '{"name":"Ada"}';
const RUN = { name: 'image', path: '/image' };

/** One request on a connection of its own, from its first byte to the last of the answer. */
function post(port: number, path: string, body: string): Promise<{ text: string; ms: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const options = { host: '127.0.0.1', port, path, method: 'POST', agent: false, timeout: 30_000 };
    const req = request(options, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => {
        const ms = performance.now() - began;
        const text = Buffer.concat(chunks).toString();
        if ((res.statusCode ?? 0) < 300) resolve({ text, ms });
        else reject(new Error(`POST ${path}: ${res.statusCode} ${text}`));
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

async function routed(server: ServerUnderTest): Promise<void> {
  const made = await post(server.port, '/v1/functions', JSON.stringify({ image: IMAGE, name: RUN.name }));
  const { id } = (JSON.parse(made.text) as { data: { id: string } }).data;
  await post(server.port, '/v1/routes', JSON.stringify({ path: RUN.path, function_id: id }));
}

export const images: Measurement = {
  id: 'images',
  rows: [
    {
      number: 17,
      title: '/r of an image / raw create+start+wait+read',
      unit: '',
      limit: 1.2,
      aim: 1.05,
      better: 'lower',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    shellImage(IMAGE, 'cat "$CONTEXT_PATH/request.json" > "$CONTEXT_PATH/response.json"');
    turn.atEnd(() => removeImages([IMAGE]));
    const server = await turn.server(NOTHING_IDLE);
    await routed(server);
    await server.empty();
    const raw: number[] = [];
    const ours: number[] = [];
    for (let pair = 0; pair < WARM_UP + turn.pick(40, 10); pair += 1) {
      const sides = [
        async () => raw.push(await turn.engine.runOnce(IMAGE, BODY)),
        async () => {
          const { text, ms } = await post(server.port, `/r${RUN.path}`, BODY);
          if (text !== BODY) throw new Error(`the image answered ${text}`);
          ours.push(ms);
          await server.empty();
        },
      ];
      for (const side of pair % 2 === 0 ? sides : sides.reverse()) await side();
    }
    await server.undeploy(RUN.name);
    raw.splice(0, WARM_UP);
    ours.splice(0, WARM_UP);
    return [
      {
        value: median(ours) / median(raw),
        n: ours.length,
        figures: {
          'server ms': summary(ours),
          'raw ms': summary(raw),
          'ratio pair by pair': summary(ours.map((value, index) => value / raw[index]!)),
        },
      },
    ];
  },
};
