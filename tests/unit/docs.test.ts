/** What holds for README and the pages below docs/: links lead somewhere, pages can be found, and the walks through the code are true. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '../..');
const docPages = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const examplePages = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
  .map((name) => `examples/${name}`);
const pages = ['README.md', ...docPages, ...examplePages, 'worker/README.md'];

/** The steps of a walk through the code in docs/how-it-is-built.md are at most these many. */
const MAX_STEPS = 12;

const text = (page: string): string => readFileSync(join(root, page), 'utf8');

/** A page without its blocks of code, in which brackets are no links and `#` is no heading. */
function prose(page: string): string {
  return text(page).replaceAll(/^ *```[^]*?^ *```$/gm, '');
}

/** The names of a page's headings in links, as GitHub and GitLab make them. */
function anchors(page: string): string[] {
  const counts = new Map<string, number>();
  return [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const name = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}-${count}`;
  });
}

/** The links of a page to files and headings of this repository. */
function links(page: string): { link: string; target: string; anchor: string | undefined }[] {
  const withoutCode = prose(page).replaceAll(/`[^`\n]*`/g, '');
  return [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : relative(root, resolve(root, dirname(page), path));
      return { link, target, anchor };
    });
}

for (const page of pages)
  test(`each link of ${page} leads to a file, and to a heading where it names one`, (t) => {
    const broken = links(page)
      .filter(
        ({ target, anchor }) =>
          !existsSync(join(root, target)) || (anchor !== undefined && !anchors(target).includes(anchor)),
      )
      .map(({ link }) => link);
    t.deepEqual(broken, []);
  });

test('README links to every page of docs/', (t) => {
  const linked = new Set(links('README.md').map(({ target }) => target));
  t.deepEqual(
    docPages.filter((page) => !linked.has(page)),
    [],
  );
});

test('every page of docs/ opens with a heading and a sentence', (t) => {
  t.deepEqual(
    docPages.filter((page) => !/^# .+\n\n[A-Z`][^]*?[.:]\n/.test(text(page))),
    [],
  );
});

test('README links to pages that are found', (t) => {
  t.true(
    links('README.md').some(({ target, anchor }) => target === 'docs/functions.md' && anchor !== undefined),
  );
  t.true(anchors('README.md').includes('quick-start'));
});

for (const walk of ['One call, file by file', 'One deploy, file by file'])
  test(`the walk "${walk}" names files that exist, ${MAX_STEPS} at most`, (t) => {
    const [, list = ''] =
      new RegExp(`## ${walk}\n\n((?:\\d+\\. [^\n]*\n)+)`).exec(text('docs/how-it-is-built.md')) ?? [];
    const files = [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = '']) => file);
    t.true(files.length > 5 && files.length <= MAX_STEPS, `${files.length} steps`);
    t.deepEqual(
      files.filter((file) => !existsSync(join(root, 'src', file)) && !existsSync(join(root, file))),
      [],
    );
  });

test('the table of folders in docs/how-it-is-built.md names every folder of src', (t) => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const rows = text('docs/how-it-is-built.md').match(/^\| `.*$/gm) ?? [];
  t.deepEqual(
    folders
      .map(({ name }) => name)
      .filter((name) => !rows.some((row) => row.split('|')[1]?.includes(`\`${name}/\``))),
    [],
  );
});
