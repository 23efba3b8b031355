/** Owns the shapes that describe the end of a container: how it ended, and its output. */

/** How a container ended. */
export interface ExitState {
  /** 0–255; 128+n for signal n; null when unknown. */
  exitCode: number | null;
  /** The kernel killed a process of the container for memory. Not a verdict on its own: a child may have been the victim. */
  oomKilled: boolean;
}

/** What a container wrote to its own stdout and stderr, as text. */
export interface ContainerOutput {
  stdout: string;
  stderr: string;
}
