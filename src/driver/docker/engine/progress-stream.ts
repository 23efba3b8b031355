/** Owns reading the progress of builds and pulls: JSON lines. An error is a line too, which dockerode's own reader takes for success. */
import { jsonLines } from './json-lines.js';

/** At most one sentence in this time: a pull reports its progress hundreds of times. */
const progressEveryMs = 3_000;

interface ProgressLine {
  status?: string;
  id?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

/**
 * Reads to the end.
 * @param progress gets a sentence now and then
 * @throws Error with the daemon's own text when a line of it is an error, or when the stream is cut
 */
export async function followStream(
  stream: NodeJS.ReadableStream,
  progress?: (line: string) => void,
): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  let saidAt = performance.now();
  for await (const message of jsonLines<ProgressLine>(stream)) {
    if (message.error !== undefined) throw new Error(message.error.replace(/\.$/, ''));
    const { current, total } = message.progressDetail ?? {};
    if (
      message.status === 'Downloading' &&
      message.id !== undefined &&
      current !== undefined &&
      total !== undefined
    ) {
      layers.set(message.id, { current, total });
      if (performance.now() - saidAt > progressEveryMs) {
        saidAt = performance.now();
        progress?.(
          `Downloading: ${megabytes(layers, 'current')} of at least ${megabytes(layers, 'total')} MB.`,
        );
      }
    }
  }
}

function megabytes(
  layers: Map<string, { current: number; total: number }>,
  key: 'current' | 'total',
): number {
  let bytes = 0;
  for (const layer of layers.values()) bytes += layer[key];
  return Math.round(bytes / 1_000_000);
}
