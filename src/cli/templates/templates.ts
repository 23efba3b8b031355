/** Owns the functions that `init` makes. */
import { packageText } from '../package-folder.js';

/** Path in the folder → content. */
export type TemplateFiles = Record<string, string>;

/** Template → its files for a function of this name. */
export const TEMPLATES: Record<string, (name: string) => TemplateFiles> = {
  js: () => ({
    'index.js': `exports.handler = async (req) => {
  const input = await req.json();
  console.log('greeting', input?.name);
  return { statusCode: 200, body: { message: \`Hello, \${input?.name ?? 'world'}!\` } };
};
`,
  }),
  esm: () => ({
    'index.mjs': `export const handler = async (req) => {
  const input = await req.json();
  console.log('greeting', input?.name);
  return { statusCode: 200, body: { message: \`Hello, \${input?.name ?? 'world'}!\` } };
};
`,
  }),
  ts: (name) => ({
    'index.ts': `// Deployed as it is: Node.js takes the types away. Syntax that makes code (enum, namespace, parameter properties) and servers
// whose functions run on Node.js before 22.18 need a build. Then deploy what it makes, and not this folder. Here:
//
//   npm install && npm run build
//
// and then \`glambdar deploy dist --name ${name}\`. Who has no glambdar on the path runs, in the checkout of Glambdar,
// \`npx glambdar deploy <this folder>/dist --name ${name}\`: in this folder, npx would fetch another package of that name.
import type { Handler } from 'glambdar';

interface Input {
  name?: string;
}

export const handler: Handler = async (req) => {
  const input = await req.json<Input | null>();
  console.log('greeting', input?.name);
  return { statusCode: 200, body: { message: \`Hello, \${input?.name ?? 'world'}!\` } };
};
`,
    // The types lie in the folder: an editor finds them before anything is installed.
    'types/glambdar.d.ts': packageText('worker/glambdar.d.ts'),
    'tsconfig.json': `${JSON.stringify(
      {
        compilerOptions: {
          target: 'ES2024',
          lib: ['ES2024', 'DOM'],
          module: 'NodeNext',
          strict: true,
          noEmit: true,
          erasableSyntaxOnly: true,
          verbatimModuleSyntax: true,
          allowImportingTsExtensions: true,
          paths: { glambdar: ['./types/glambdar.d.ts'] },
        },
        exclude: ['dist'],
      },
      null,
      2,
    )}\n`,
    'package.json': `${JSON.stringify(
      {
        name: name.toLowerCase(),
        private: true,
        type: 'module',
        scripts: {
          // Into a folder of its own: an index.mjs beside index.ts would be what is served, however old.
          build: 'esbuild index.ts --bundle --platform=node --format=esm --outfile=dist/index.mjs',
        },
        devDependencies: { esbuild: '^0.28.2' },
      },
      null,
      2,
    )}\n`,
    '.gitignore': 'node_modules\ndist\n',
    // Takes the place of .gitignore at a deploy.
    '.glambdarignore': 'node_modules\ndist\ntypes\ntsconfig.json\npackage-lock.json\n',
  }),
  faas: () => ({
    'index.js': `module.exports = (context, cb) => {
  console.log('greeting', context.name);
  cb({ message: \`Hello, \${context.name ?? 'world'}!\` });
};
`,
    'glambdar.json': '{ "contract": "faas" }\n',
  }),
  lambda: () => ({
    'index.js': `exports.handler = async (event) => {
  const input = JSON.parse(event.body ?? '{}');
  console.log('greeting', input.name);
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message: \`Hello, \${input.name ?? 'world'}!\` }),
  };
};
`,
    'glambdar.json': '{ "contract": "lambda" }\n',
  }),
  web: () => ({
    'index.mjs': `export default {
  async fetch(request) {
    const text = await request.text();
    const input = text === '' ? {} : JSON.parse(text);
    console.log('greeting', input.name);
    return Response.json({ message: \`Hello, \${input.name ?? 'world'}!\` });
  },
};
`,
  }),
};
