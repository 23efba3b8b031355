// TypeScript without a build: Node takes the types away. Imports name files as they are, with their extension, and types are
// imported with `import type`. Syntax that makes code (enum, namespace, parameter properties) needs a build.
//
//   curl 127.0.0.1:8000/invoke/typescript -d '{"name":"Ada"}'
import { greet } from './greet.ts';
import type { Greeting } from './greet.ts';

interface Request {
  json(): Promise<{ name?: string } | null>;
}

export const handler = async (req: Request): Promise<{ body: Greeting }> => {
  const input = await req.json();
  return { body: greet(input?.name ?? 'world') };
};
