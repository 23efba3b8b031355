/**
 * Owns which image containers are made of. By default it is built here, from a Node binary and its libraries, so that nothing
 * is pulled and it works without a network; GLAMBDAR_IMAGE names any other one that has `node` in its PATH.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DriverError } from '../../driver.js';
import { dockerText, statusOf } from '../engine/docker-error.js';
import type { Engine } from '../engine/engine.js';
import { imageTree } from './image-tree.js';
import { fetchNode, nodeVersion } from './node-package.js';
import { followStream } from '../engine/progress-stream.js';

/** What is needed to create containers from an image. */
export interface BaseImage {
  /** `sha256:…`: a tag may move, this cannot. */
  id: string;
  /** The name it was found by. */
  reference: string;
  /** The image's environment, `NAME=value`. */
  env: string[];
  /** Paths the image declares as volumes. */
  volumes: string[];
}

export interface BaseImageOptions {
  /** GLAMBDAR_IMAGE; null for the built one. */
  image: string | null;
  /** Gets sentences for the operator. */
  progress: (line: string) => void;
  /** Puts a Node binary into the directory and resolves with its path. For tests. */
  fetchNode?: (directory: string) => Promise<string>;
}

const repository = 'glambdar/node';
/** Goes into the tag: raise it when image-tree.ts changes what is inside. */
const recipe = 2;

/** Finds the image, or builds or pulls it. One call to the daemon when it is there. Two processes may do this at once. */
export async function ensureBaseImage(engine: Engine, options: BaseImageOptions): Promise<BaseImage> {
  if (options.image !== null) return await chosenImage(engine, options.image, options.progress);
  return (await find(engine, `${repository}:${tag(nodeVersion)}`)) ?? (await buildImage(engine, options));
}

async function buildImage(
  engine: Engine,
  { progress, fetchNode: fetch = fetchNode }: BaseImageOptions,
): Promise<BaseImage> {
  const startedAt = performance.now();
  const directory = await mkdtemp(join(tmpdir(), 'glambdar-image-'));
  try {
    progress(`Building the base image: fetching Node ${nodeVersion} through npm (once, about 52 MB).`);
    const own = await fetch(directory).catch((error: unknown) => {
      progress(`Node ${nodeVersion} is not to be had (${(error as Error).message}).`);
      return undefined;
    });
    if (own === undefined) {
      const hosts = `${repository}:${tag(`${process.versions.node}-host`)}`;
      const existing = await find(engine, hosts);
      if (existing !== undefined) return existing;
      progress(`Using this server's own Node ${process.versions.node} in the containers instead.`);
      return await importImage(engine, process.execPath, hosts, startedAt, progress);
    }
    const reference = `${repository}:${tag(nodeVersion)}`;
    // Another process may have been faster.
    return (
      (await find(engine, reference)) ?? (await importImage(engine, own, reference, startedAt, progress))
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function importImage(
  engine: Engine,
  nodeBinary: string,
  reference: string,
  startedAt: number,
  progress: (line: string) => void,
): Promise<BaseImage> {
  const [repo, imageTag] = reference.split(':') as [string, string];
  try {
    const answer = await engine.importImage(await imageTree(nodeBinary), {
      repo,
      tag: imageTag,
      changes: ['ENV PATH=/usr/bin', 'LABEL glambdar.image=base'],
    });
    await followStream(answer);
  } catch (error) {
    if (error instanceof DriverError) throw error;
    throw new DriverError('failed', `The base image could not be built: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  const image = await find(engine, reference);
  if (image === undefined)
    throw new DriverError('failed', `The base image ${reference} vanished right after it was built.`);
  progress(`Built ${reference} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  return image;
}

async function chosenImage(
  engine: Engine,
  image: string,
  progress: (line: string) => void,
): Promise<BaseImage> {
  const local = await find(engine, image);
  if (local !== undefined) return local;
  progress(`Pulling ${image}.`);
  try {
    // Without a tag the API would pull every tag there is.
    const withTag = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    await followStream(await engine.pullImage(withTag), progress);
  } catch (error) {
    if (error instanceof DriverError && error.kind === 'unavailable') throw error;
    const reason = dockerText(
      error instanceof DriverError && error.cause !== undefined ? error.cause : error,
    );
    throw new DriverError(
      'failed',
      `GLAMBDAR_IMAGE is "${image}", which is not on this machine and cannot be pulled: ${reason}. ` +
        'Pull or build it with the docker command, correct the name, or leave GLAMBDAR_IMAGE unset to use the built-in image.',
      { cause: error },
    );
  }
  const pulled = await find(engine, image);
  if (pulled === undefined) throw new DriverError('failed', `Docker pulled "${image}" but does not list it.`);
  progress(`Pulled ${image}.`);
  return pulled;
}

async function find(engine: Engine, reference: string): Promise<BaseImage | undefined> {
  try {
    const { Id, Config } = await engine.inspectImage(reference);
    return { id: Id, reference, env: Config?.Env ?? [], volumes: Object.keys(Config?.Volumes ?? {}) };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** `24.21.0-1a2b3c4d`: the version, and what makes two images of it differ. */
function tag(version: string): string {
  const hash = createHash('sha256').update(`${recipe}/${version}/${process.arch}`).digest('hex');
  return `${version}-${hash.slice(0, 8)}`;
}
