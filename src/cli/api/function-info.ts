/** Owns the shapes of what the server tells about functions and calls, as far as commands show them, and addresses of functions. */

export interface FunctionInfo {
  name: string;
  createdAt: string;
  updatedAt: string;
  lastInvokedAt: string | null;
  invokeCount: number;
  errorCount: number;
  version: number;
  digest: string;
  sizeBytes: number;
  /** Where the listener for functions serves the function, if it is public and there is that listener. */
  publicUrl?: string;
  settings: Record<string, unknown>;
}

export interface CallRecord {
  id: string;
  funcName: string;
  invokedAt: string;
  /** Method and path of the request, if the server has kept them. */
  method?: string | null;
  path?: string | null;
  status: number;
  outcome: string;
  start: string | null;
  durationMs: number;
  stdout: string;
  stderr: string;
  /** What went wrong, null when nothing did. */
  error: unknown;
}

/** Whether a line of a call's log is a hint of the server; all other lines are the function's own. */
export function isRemark(line: string): boolean {
  return line.startsWith('glambdar: ');
}

/** The path of a route of a function, its name encoded. */
export function functionPath(prefix: string, name: string, suffix = ''): string {
  return `${prefix}/${encodeURIComponent(name)}${suffix}`;
}

/** The URL for people to call: where everybody may, else the server's own. @param server its URL without a slash at the end */
export function callUrl(
  server: string,
  { name, publicUrl }: Pick<FunctionInfo, 'name' | 'publicUrl'>,
): string {
  return publicUrl ?? server + functionPath('/invoke', name);
}
