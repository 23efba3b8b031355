/**
 * Owns what a route family is: the routes of one HTTP interface and the envelope of its errors. Clients of different
 * interfaces read errors differently, so every family has its own envelope.
 */
import type Router from '@koa/router';
import type { Middleware } from 'koa';
import type { GlambdarError } from '../../errors.js';

/** An error as it is answered: the family chooses status, type and text; `Retry-After` and `X-Request-Id` are added. */
export interface ErrorAnswer {
  status: number;
  contentType: string;
  body: string;
}

/** What an error answers: the method and the path, without the query. */
export interface RequestLine {
  method: string;
  path: string;
}

/** Renders an error as a family's clients expect it. Must not throw. */
export type Envelope = (error: GlambdarError, requestId: string, request: RequestLine) => ErrorAnswer;

export interface Family {
  /** Whether errors of such requests, also if the path is unknown or the method wrong, get this family's envelope. */
  owns(method: string, path: string): boolean;
  envelope: Envelope;
  /**
   * Routes of calls, tried before all routers of all families: each answers past Koa, or calls `next` for another
   * route's path.
   */
  calls: Middleware[];
  /** The routes of `calls`, for people to read. */
  callRoutes?: readonly string[];
  routers: Router[];
}

/** The first family that owns the request. The last of the list must own every request. */
export function familyOf(families: readonly Family[], method: string, path: string): Family {
  const family = families.find((candidate) => candidate.owns(method, path)) ?? families.at(-1);
  if (family === undefined) throw new Error('An app needs at least one route family.');
  return family;
}
