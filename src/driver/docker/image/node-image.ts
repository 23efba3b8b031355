/**
 * Owns the image with Node that this program builds itself, from a Node binary and its libraries: nothing is pulled, and it
 * works without a network.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DriverError } from '../../driver.js';
import type { Engine } from '../engine/engine.js';
import { findImage, type Image } from './image.js';
import { imageTree } from './image-tree.js';
import { fetchNode, nodeVersion } from './node-package.js';
import { followStream } from '../engine/progress-stream.js';

export interface NodeImageOptions {
  /** Gets sentences for the operator. */
  progress: (line: string) => void;
  /** Puts a Node binary into the directory and resolves with its path. For tests. */
  fetchNode?: (directory: string) => Promise<string>;
}

const repository = 'glambdar/node';
/** Part of the tag: raise it when image-tree.ts changes what is in the image. */
const recipe = 4;

/** Finds the image or builds it. One call to the daemon when it is there. Two processes may build it at once. */
export async function ensureNodeImage(engine: Engine, options: NodeImageOptions): Promise<Image> {
  return (
    (await findImage(engine, `${repository}:${tag(nodeVersion)}`)) ?? (await buildImage(engine, options))
  );
}

async function buildImage(
  engine: Engine,
  { progress, fetchNode: fetch = fetchNode }: NodeImageOptions,
): Promise<Image> {
  const startedAt = performance.now();
  const directory = await mkdtemp(join(tmpdir(), 'glambdar-image-'));
  try {
    progress(`Building the base image: fetching Node ${nodeVersion} through npm (once, about 52 MB).`);
    const fetched = await fetch(directory).catch((error: unknown) => {
      progress(`Node ${nodeVersion} is not to be had (${(error as Error).message}).`);
      return undefined;
    });
    if (fetched === undefined) {
      const ofThisServer = `${repository}:${tag(`${process.versions.node}-host`)}`;
      const existing = await findImage(engine, ofThisServer);
      if (existing !== undefined) return existing;
      progress(`Using this server's own Node ${process.versions.node} in the containers instead.`);
      return await importImage(engine, process.execPath, ofThisServer, startedAt, progress);
    }
    const reference = `${repository}:${tag(nodeVersion)}`;
    // Another process may have been faster.
    return (
      (await findImage(engine, reference)) ??
      (await importImage(engine, fetched, reference, startedAt, progress))
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
): Promise<Image> {
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
  const image = await findImage(engine, reference);
  if (image === undefined)
    throw new DriverError('failed', `The base image ${reference} vanished right after it was built.`);
  progress(`Built ${reference} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  return image;
}

/** `24.21.0-1a2b3c4d`: the version of Node, then a digest of recipe, version and architecture. */
function tag(version: string): string {
  const hash = createHash('sha256').update(`${recipe}/${version}/${process.arch}`).digest('hex');
  return `${version}-${hash.slice(0, 8)}`;
}
