/** Owns a registry of images for tests, on the loopback, where Docker speaks plain HTTP: one image under any number of names. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';

interface Blob {
  digest: string;
  content: Buffer;
}

export class LoopbackRegistry {
  /** Name and password that are asked for; null: nobody is asked. */
  login: { name: string; password: string } | null = null;
  /** `METHOD path` of every request. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #blobs = new Map<string, Buffer>();
  /** By `name:tag`. */
  readonly #manifests = new Map<string, Blob>();

  private constructor() {
    this.#server = createServer((req, res) => {
      const { method = '', url = '', headers } = req;
      this.asked.push(`${method} ${url}`);
      if (this.login !== null) {
        const { name, password } = this.login;
        const wanted = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
        if (headers.authorization !== wanted) {
          res
            .writeHead(401, { 'www-authenticate': 'Basic realm="test"' })
            .end('{"errors":[{"code":"UNAUTHORIZED"}]}');
          return;
        }
      }
      const manifest = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url);
      const blob = /^\/v2\/.+\/blobs\/(.+)$/.exec(url);
      if (url === '/v2/') res.end('{}');
      else if (manifest) {
        const [, name, reference] = manifest as unknown as [string, string, string];
        const found =
          this.#manifests.get(`${name}:${reference}`) ??
          [...this.#manifests.values()].find(({ digest }) => digest === reference);
        if (found === undefined)
          res.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
        else
          res
            .writeHead(200, {
              'content-type': MANIFEST_TYPE,
              'docker-content-digest': found.digest,
              'content-length': found.content.length,
            })
            .end(method === 'HEAD' ? undefined : found.content);
      } else if (blob && this.#blobs.has(blob[1]!)) res.end(this.#blobs.get(blob[1]!));
      else res.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
    });
  }

  static async open(): Promise<LoopbackRegistry> {
    const registry = new LoopbackRegistry();
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  /** `127.0.0.1:<port>` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Adds or replaces an image of one layer. @param tar the files of the image @returns the image's id at a daemon */
  push(name: string, tag: string, tar: Buffer, config: Record<string, unknown>): string {
    const layer = this.#blob(gzipSync(tar));
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const image = this.#blob(
      Buffer.from(
        JSON.stringify({
          architecture,
          os: 'linux',
          config,
          rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
        }),
      ),
    );
    const manifest = this.#blob(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MANIFEST_TYPE,
          config: {
            mediaType: 'application/vnd.docker.container.image.v1+json',
            size: image.content.length,
            digest: image.digest,
          },
          layers: [
            {
              mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
              size: layer.content.length,
              digest: layer.digest,
            },
          ],
        }),
      ),
    );
    this.#manifests.set(`${name}:${tag}`, manifest);
    return image.digest;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #blob(content: Buffer): Blob {
    const digest = digestOf(content);
    this.#blobs.set(digest, content);
    return { digest, content };
  }
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
