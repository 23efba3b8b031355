/** Owns a small npm registry on the loopback: packages made by the test, documents with the right checksums, a list of what was asked. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface PackageOptions {
  version?: string;
  /** Further fields of its package.json. */
  manifest?: Record<string, unknown>;
  files?: Record<string, string>;
}

interface Published {
  manifest: Record<string, unknown> & { name: string; version: string };
  archive: Buffer;
  integrity: string;
}

export class NpmRegistry {
  /** `METHOD path` of each request, in order. */
  readonly asked: string[] = [];
  /** Answers instead of the registry when it returns true. */
  intercept: (req: IncomingMessage, res: ServerResponse) => boolean = () => false;
  readonly #server: Server;
  readonly #published = new Map<string, Published[]>();

  private constructor() {
    this.#server = createServer((req, res) => {
      this.asked.push(`${req.method} ${req.url}`);
      if (!this.intercept(req, res)) this.#answer(req, res);
    });
  }

  static async start(): Promise<NpmRegistry> {
    const registry = new NpmRegistry();
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  /** `http://127.0.0.1:<port>/` */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** @returns the package's entry for a lockfile */
  async publish(name: string, options: PackageOptions = {}): Promise<{ version: string; integrity: string }> {
    const { version = '1.0.0', files = { 'index.js': `module.exports = ${JSON.stringify(name)};` } } =
      options;
    const manifest = { name, version, ...options.manifest };
    const archive = await archiveOf({ 'package.json': JSON.stringify(manifest), ...files });
    const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    this.#published.set(name, [...(this.#published.get(name) ?? []), { manifest, archive, integrity }]);
    return { version, integrity };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const path = decodeURIComponent(req.url!.slice(1));
    const archive = /^(.+)\/-\/[^/]+-(\d[^/]*)\.tgz$/.exec(path);
    const versions = this.#published.get(archive?.[1] ?? path);
    const found = archive && versions?.find(({ manifest }) => manifest.version === archive[2]);
    if (found) return void res.end(found.archive);
    if (archive || !versions) {
      res.statusCode = 404;
      return void res.end('{"error":"not found"}');
    }
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify(this.#document(path, versions)));
  }

  #document(name: string, versions: readonly Published[]): object {
    const base = name.slice(name.indexOf('/') + 1);
    return {
      name,
      'dist-tags': { latest: versions.at(-1)!.manifest.version },
      versions: Object.fromEntries(
        versions.map(({ manifest, integrity }) => {
          // As a registry says it that is reached under another name: npm has to replace the host.
          const tarball = `https://registry.example/${name}/-/${base}-${manifest.version}.tgz`;
          const { postinstall } = (manifest['scripts'] ?? {}) as { postinstall?: string };
          return [
            manifest.version,
            { ...manifest, ...(postinstall && { hasInstallScript: true }), dist: { tarball, integrity } },
          ];
        }),
      ),
    };
  }
}

async function archiveOf(files: Record<string, string>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name: `package/${name}` }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}
