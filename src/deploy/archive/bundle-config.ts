/** Owns reading `glambdar.json`, the settings that an archive brings with it. It does not know which settings there are. */
import { JsonTextError, readJsonText } from '../../model/json-text.js';
import type { PlannedFile } from './bundle-plan.js';
import { invalidEntry } from './refusals.js';
import { readRootText } from './root-text.js';
import type { SourceFiles } from './source-files.js';

/** Path of the file, at the bundle's root. */
const CONFIG_FILE = 'glambdar.json';
const MAX_CONFIG_DEPTH = 32;

/**
 * @returns a JSON object, nested at most 32 deep, whose keys are not checked; undefined when the bundle has no `glambdar.json`.
 * Throws INVALID_BUNDLE.
 */
export function readConfig(
  files: readonly PlannedFile[],
  source: SourceFiles,
): Record<string, unknown> | undefined {
  return readRootObject(CONFIG_FILE, files, source);
}

/** Like `readConfig`, for a file of another name at the bundle's root. */
export function readRootObject(
  path: string,
  files: readonly PlannedFile[],
  source: SourceFiles,
): Record<string, unknown> | undefined {
  const text = readRootText(path, 'JSON', files, source);
  return text === undefined ? undefined : parseObject(path, text);
}

function parseObject(path: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidEntry(path, `is not valid JSON: ${faultOf(text)}. Correct it, or leave it out.`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidEntry(path, 'is not a JSON object. Write { } around its settings.');
  }
  if (isDeeperThan(value, MAX_CONFIG_DEPTH)) {
    // 64 KiB can hold 32,000 levels: a recursive walk over the settings would run out of stack.
    throw invalidEntry(path, `is nested more than ${MAX_CONFIG_DEPTH} deep. Simplify it.`);
  }
  return value as Record<string, unknown>;
}

/** What is wrong with a text that is no JSON. V8's own sentence quotes the text, in which there may be secret variables. */
function faultOf(text: string): string {
  try {
    readJsonText(Buffer.from(text));
    return 'it cannot be read';
  } catch (error) {
    if (error instanceof JsonTextError) return error.message;
    throw error;
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(child, levels - 1));
}
