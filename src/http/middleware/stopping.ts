/** Owns refusing requests that begin after the server was told to stop. */
import { stopping } from '../../model/call/refusal.js';
import type { Check } from './checks.js';

/** @param signal aborts when the server stops */
export function refuseWhenStopping(signal: AbortSignal): Check {
  return (_req, res) => {
    if (!signal.aborted) return;
    res.setHeader('Connection', 'close');
    throw stopping();
  };
}
