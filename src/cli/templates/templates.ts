/** Owns the functions that `init` makes. */

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
    // The build is there because Node.js before 22.18 cannot run TypeScript, and no version runs `enum` and the like.
    'src/index.ts': `interface Input {
  name?: string;
}

export const handler = async (req: { json(): Promise<Input | null> }) => {
  const input = await req.json();
  console.log('greeting', input?.name);
  return { statusCode: 200, body: { message: \`Hello, \${input?.name ?? 'world'}!\` } };
};
`,
    'index.mjs': `// Made from src/index.ts by \`npm run build\`; \`npm run watch\` makes it anew at every change.
export const handler = async (req) => {
  const input = await req.json();
  console.log('greeting', input?.name);
  return { statusCode: 200, body: { message: \`Hello, \${input?.name ?? 'world'}!\` } };
};
`,
    'package.json': `${JSON.stringify(
      {
        name: name.toLowerCase(),
        private: true,
        type: 'module',
        main: 'index.mjs',
        scripts: {
          build: 'esbuild src/index.ts --bundle --platform=node --format=esm --outfile=index.mjs',
          watch: 'npm run build -- --watch',
        },
        devDependencies: { esbuild: '^0.28.2' },
      },
      null,
      2,
    )}\n`,
    '.glambdarignore': 'node_modules\nsrc\npackage-lock.json\n',
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
