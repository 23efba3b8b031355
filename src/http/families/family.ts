/**
 * Owns what a route family is: the routes of one contract and the envelope its errors wear.
 * Five contracts share this port and their clients read errors differently, so an envelope is never unified.
 */
import type Router from '@koa/router';
import type { Middleware } from 'koa';
import type { GlambdarError } from '../../errors.js';

/** How an error leaves: the family chooses status, type and text; `Retry-After` and `X-Request-Id` are added to it. */
export interface ErrorAnswer {
  status: number;
  contentType: string;
  body: string;
}

/** Renders an error as a family's clients expect it. Must not throw. */
export type Envelope = (error: GlambdarError, requestId: string) => ErrorAnswer;

export interface Family {
  /** Whether errors of this path, unknown paths and wrong methods included, wear this family's envelope. */
  owns(path: string): boolean;
  envelope: Envelope;
  /**
   * Routes of calls, tried before all routers of all families: each answers past Koa, or calls `next` for a path that
   * is not its own.
   */
  calls: Middleware[];
  routers: Router[];
}

/** The first family that owns the path. The last of the list must own every path. */
export function familyOf(families: readonly Family[], path: string): Family {
  const family = families.find((candidate) => candidate.owns(path)) ?? families.at(-1);
  if (family === undefined) throw new Error('An app needs at least one route family.');
  return family;
}
