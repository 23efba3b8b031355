import test from 'ava';
import { checkEntries } from '../../../../src/deploy/archive/entry-rules.js';
import { readTree } from '../../../../src/deploy/archive/readers/tree/tree-reader.js';

const limits = { maxUnpackedBytes: 1000, maxEntries: 3 };
const END = Buffer.alloc(4);

function frame(header: unknown, content = ''): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, Buffer.from(content)]);
}

test('a tree is its files, with their content and whether they are executable', (t) => {
  const archive = Buffer.concat([
    frame({ path: 'a/b', size: 3, executable: true }, 'one'),
    frame({ path: 'c', size: 0, executable: false }),
    END,
  ]);
  const files = readTree(archive, limits);
  t.deepEqual(
    files.entries.map(({ path, mode, size }) => [path, mode, size]),
    [
      ['a/b', 0o100755, 3],
      ['c', 0o100644, 0],
    ],
  );
  t.is(files.read(files.entries[0]!).toString(), 'one');
  t.notThrows(() => checkEntries(files.entries, limits));
});

const damaged: [what: string, archive: Buffer][] = [
  ['that is empty', Buffer.alloc(0)],
  ['without its end', frame({ path: 'a', size: 0 })],
  ['with more after its end', Buffer.concat([END, END])],
  ['cut within a frame', frame({ path: 'a', size: 0 }).subarray(0, 8)],
  ['cut within a file', frame({ path: 'a', size: 10 }, 'half')],
  ['with a frame that is too long', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['with a frame that is no JSON', Buffer.concat([frame('{'), END])],
  ['with a frame that is null', Buffer.concat([frame('null'), END])],
  ['with a negative size', Buffer.concat([frame({ path: 'a', size: -1 }), END])],
  ['with a size that is no number', Buffer.concat([frame({ path: 'a', size: '1' }), END])],
  ['without a path', Buffer.concat([frame({ size: 0 }), END])],
];
for (const [what, archive] of damaged) {
  test(`a tree ${what} is refused`, (t) => {
    t.throws(() => readTree(archive, limits), { code: 'INVALID_BUNDLE' } as never);
  });
}

const hostile: [what: string, header: object][] = [
  ['a link', { path: 'a', size: 0, type: 'link' }],
  ['a pipe', { path: 'a', size: 0, type: 'other' }],
  ['a path that leaves the tree', { path: '../a', size: 0 }],
  ['an absolute path', { path: '/etc/passwd', size: 0 }],
];
for (const [what, header] of hostile) {
  test(`the rules of archives refuse a tree with ${what}`, (t) => {
    const { entries } = readTree(Buffer.concat([frame(header), END]), limits);
    t.throws(() => checkEntries(entries, limits), { code: 'INVALID_BUNDLE' } as never);
  });
}

test('a tree with too many files is refused before all of them are read', (t) => {
  const archive = Buffer.concat([...Array.from({ length: 5 }, (_, n) => frame({ path: `f${n}`, size: 0 }))]);
  t.throws(() => readTree(archive, limits), { message: /too many files/ });
});
