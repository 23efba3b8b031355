/**
 * Owns `POST /execute` of the CloudFunc runtime: an image with an HTTP server is run with a payload, whether or not anybody
 * registered it. An image that no function has becomes one at its first use, so its calls have limits, records and logs.
 */
import { createHash } from 'node:crypto';
import Router from '@koa/router';
import type { Deployments } from '../../../deploy/deployments.js';
import { GlambdarError, toGlambdarError } from '../../../errors.js';
import type { FunctionRecord } from '../../../model/function/function.js';
import { refKey, type FunctionRef } from '../../../model/function/ref.js';
import type { Registry } from '../../../registry/registry.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { embeddedAnswer } from '../../answers/embedded-answer.js';
import { whileClientWaits } from '../../calls/client-gone.js';
import type { RunCall, WriteResponse } from '../../calls/run-call.js';
import { needs } from '../../middleware/needs.js';
import { withJsonMembers } from '../../requests/json-members.js';
import { audited } from '../../requests/audited.js';
import { assertStillSender, namespaceOf } from '../../requests/principal.js';
import { postJson, writeJson } from './gateway.js';

export interface ExecuteRoutesDeps {
  registry: Registry;
  deployments: Deployments;
  runCall: RunCall;
  bodies: BodyBudget;
  config: { maxBodyBytes: number };
}

const ROUTE = '/execute';
const NULL = Buffer.from('null');
/** How long a name of an image is trusted to mean the same image: somebody may have built another one. */
const NAME_STANDS_MS = 1_000;

export function executeRoutes({ registry, deployments, runCall, bodies, config }: ExecuteRoutesDeps): Router {
  const images = new ImageFunctions(registry, deployments);
  const router = new Router({ sensitive: true, strict: true });
  router.post(ROUTE, needs('deployer'), async (ctx) => {
    const { req, res } = ctx;
    const options = { maxBodyBytes: config.maxBodyBytes, bodies, flow: ROUTE };
    await withJsonMembers(req, res, options, ['image', 'payload'], async (members) => {
      const image = members.value('image');
      if (typeof image !== 'string' || image === '')
        throw new GlambdarError('INVALID_REQUEST', 'Image required');
      await assertStillSender(ctx);
      const made = images.of(namespaceOf(ctx), image, ({ name }) => audited(ctx, 'function.deploy', name));
      const ref = await whileClientWaits(req.socket, made);
      ctx.respond = false;
      const head = { ref, body: members.text('payload') ?? NULL, ...postJson(req) };
      await runCall(req, res, head, answer).catch((error: unknown) => {
        throw asExecuteError(toGlambdarError(error));
      });
    });
  });
  return router;
}

/** The functions that images are run as. */
class ImageFunctions {
  readonly #registry: Registry;
  readonly #deployments: Deployments;
  /** By namespace and image: when it was looked for last, and the function. */
  readonly #known = new Map<string, { at: number; ref: Promise<FunctionRef> }>();

  constructor(registry: Registry, deployments: Deployments) {
    this.#registry = registry;
    this.#deployments = deployments;
  }

  /** Rejects with INVALID_REQUEST or IMAGE_UNAVAILABLE. @param onMade called when the image becomes a function */
  of(namespace: string, image: string, onMade: (ref: FunctionRef) => void): Promise<FunctionRef> {
    const now = performance.now();
    const key = refKey({ namespace, name: image });
    const known = this.#known.get(key);
    if (known !== undefined && now - known.at < NAME_STANDS_MS) return known.ref;
    for (const [other, { at }] of this.#known) if (now - at >= NAME_STANDS_MS) this.#known.delete(other);
    const ref = this.#find(namespace, image, onMade);
    this.#known.set(key, { at: now, ref });
    // A failure is told to those who asked meanwhile, and to nobody later.
    ref.catch(() => this.#known.delete(key));
    return ref;
  }

  async #find(namespace: string, image: string, onMade: (ref: FunctionRef) => void): Promise<FunctionRef> {
    const before = this.#having(namespace, image);
    const ref = before?.ref ?? { namespace, name: nameOf(image) };
    try {
      await this.#deployments.deployImage({ ref, image, settings: { contract: 'cloudfunc' } });
      if (before === undefined) onMade(ref);
    } catch (error) {
      // The image that the function has may still be there when its name cannot be looked up.
      if (before === undefined) throw error;
    }
    return ref;
  }

  /** The function that was made for the image, else the first that somebody registered with it. */
  #having(namespace: string, image: string): FunctionRecord | undefined {
    const isIt = ({ active: { source }, settings }: FunctionRecord): boolean =>
      source.type === 'image' && source.image === image && settings.contract === 'cloudfunc';
    const made = this.#registry.find({ namespace, name: nameOf(image) });
    if (made !== undefined && isIt(made)) return made;
    return this.#registry.records().find((record) => record.ref.namespace === namespace && isIt(record));
  }
}

/** A name for the function of an image: what people recognise of the image, and a part that no other image has. */
export function nameOf(image: string): string {
  const shown = image
    .replace(/@sha256:.*$/, '')
    .split('/')
    .at(-1)!
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 48);
  return `${shown || 'image'}-${createHash('sha256').update(image).digest('hex').slice(0, 8)}`;
}

const answer: WriteResponse = (res, response, ids) => {
  const { statusCode } = response;
  const output = embeddedAnswer(response);
  if (statusCode < 300) {
    const body = Buffer.concat([Buffer.from('{"output":'), output, Buffer.from(',"status":"success"}')]);
    return writeJson(res, response, ids, 200, body);
  }
  const error = JSON.stringify(`The image answered with status ${statusCode}.`);
  const body = Buffer.concat([Buffer.from(`{"error":${error},"output":`), output, Buffer.from('}')]);
  writeJson(res, response, ids, 502, body);
};

/** An image that fails is a bad gateway, unless it is late. */
function asExecuteError(error: GlambdarError): GlambdarError {
  if (error.fault !== 'function' || error.code === 'INVOCATION_TIMEOUT') return error;
  return new GlambdarError(error.code, error.message, { status: 502, cause: error });
}
