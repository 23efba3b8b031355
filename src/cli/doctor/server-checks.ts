/** Owns the checks of a server: does it answer, is it ready, does a function pass every step from deploy to delete. */
import { setTimeout as sleep } from 'node:timers/promises';
import AdmZip from 'adm-zip';
import type { Client } from '../api/client.js';
import { sendBundle } from '../api/deployment.js';
import { functionPath, type CallRecord } from '../api/function-info.js';
import { probeName } from '../../model/function/probe-name.js';
import { CliError, EXIT } from '../cli-error.js';
import { judged, well, wrong, type Finding } from './check.js';
import { withCleanUp } from './clean-up.js';

/** Deployed, called and deleted by the probe. */
const PROBE = probeName(process.pid);
const CODE = "exports.handler = async (req) => { console.log('probe'); return { body: await req.json() }; };";

export async function serverChecks(client: Client): Promise<Finding[]> {
  const ready = await readiness(client);
  return ready.ok ? [ready, await probeCall(client)] : [ready];
}

async function readiness(client: Client): Promise<Finding> {
  try {
    const { status, body } = await client.exchange('GET', '/readyz');
    const reason = body.toString('utf8').slice(0, 300).trim();
    return judged(
      'server',
      status === 200,
      `${client.url} ${status === 200 ? 'is ready' : `is not ready: ${reason}`}`,
      'Mend what it names; its log on stderr tells more.',
    );
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return wrong(
      'server',
      `nothing answers at ${client.url}`,
      'Start one with `glambdar start`, or name another with --server.',
    );
  }
}

/** How long a deploy that is under way is waited for when somebody ends the program. */
const DEPLOY_MS = 10_000;

/** Each step names itself, so that a failure tells how far the probe came. */
async function probeCall(client: Client): Promise<Finding> {
  let step = 'deploy';
  const from = performance.now();
  const remove = (): Promise<void> => client.json('DELETE', functionPath('/del', PROBE));
  /** Whether the server has the function: known when the deploy has ended. */
  let isThere: Promise<boolean> = Promise.resolve(false);
  const probe = async (): Promise<Finding> => {
    const zip = new AdmZip();
    zip.addFile('index.js', Buffer.from(CODE));
    const deploying = sendBundle(client, { archive: zip.toBuffer(), fileName: `${PROBE}.zip`, fields: {} });
    isThere = deploying.then(
      () => true,
      () => false,
    );
    await deploying;
    step = 'call';
    const answer = await client.json<unknown>('POST', functionPath('/invoke', PROBE), { probe: PROBE });
    if (JSON.stringify(answer) !== JSON.stringify({ probe: PROBE }))
      throw new CliError('the answer is not what was sent');
    step = 'log';
    const [record] = await client.json<CallRecord[]>('GET', functionPath('/logs', PROBE));
    if (!record?.stdout.includes('probe')) throw new CliError('the log does not hold what was printed');
    step = 'delete';
    await remove();
    isThere = Promise.resolve(false);
    return well('probe', `deploy, call, log and delete took ${Math.round(performance.now() - from)} ms`);
  };
  const cleanUp = async (): Promise<void> => {
    if (await Promise.race([isThere, sleep(DEPLOY_MS, true, { ref: false })])) await remove();
  };
  return withCleanUp(probe, cleanUp).catch((error: unknown) => {
    if (!(error instanceof CliError)) throw error;
    return wrong(
      'probe',
      `the step "${step}" failed: ${error.message}`,
      error.exitCode === EXIT.denied
        ? 'The probe deploys a function: sign in as somebody who may.'
        : "The checks above and the server's log say why.",
    );
  });
}
