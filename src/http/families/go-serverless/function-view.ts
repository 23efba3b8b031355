/** Owns a function as clients of the go-serverless API see it. */
import type { FunctionRecord } from '../../../model/function/function.js';

export interface FunctionView {
  id: string;
  /** Null for a function that was not deployed as an image: a route may lead to one. */
  image: string | null;
  environment: Record<string, string>;
}

export function functionView({ id, active: { source }, settings }: FunctionRecord): FunctionView {
  return { id, image: source.type === 'image' ? source.image : null, environment: settings.env };
}
