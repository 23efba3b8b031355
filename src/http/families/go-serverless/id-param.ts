/** Owns reading an id from a path or a body. */
import { GlambdarError } from '../../../errors.js';
import { isFunctionId, type FunctionId } from '../../../model/function/id.js';

/** A UUID in lower case. Throws INVALID_REQUEST. */
export function idParam(value: unknown): FunctionId {
  const lower = typeof value === 'string' ? value.toLowerCase() : value;
  if (isFunctionId(lower)) return lower;
  throw new GlambdarError(
    'INVALID_REQUEST',
    'An id is a UUID, such as 6f1e1f0a-3c0e-4f3a-9a58-0d9f3f6f2b11.',
  );
}
