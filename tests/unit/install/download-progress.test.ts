import test from 'ava';
import { DownloadProgress } from '../../../src/install/download-progress.js';

const MIB = 2 ** 20;

test('what npm fetches is told twice a second at most, and the whole at the end', (t) => {
  const said: string[] = [];
  let now = 0;
  const progress = new DownloadProgress(
    (line) => said.push(line),
    () => now,
  );
  for (; now < 1_000; now += 100) progress.add({ bytes: MIB / 10 });
  t.deepEqual(said, ['Fetched 1 file of packages, 0.1 MiB.', 'Fetched 6 files of packages, 0.6 MiB.']);
  progress.end();
  progress.end();
  t.is(said.at(-1), 'Fetched 10 files of packages, 1.0 MiB.');
  t.is(said.length, 3);
});

test('nothing is told when nothing was fetched, and nothing twice', (t) => {
  const said: string[] = [];
  const progress = new DownloadProgress((line) => said.push(line));
  progress.end();
  t.deepEqual(said, []);
  progress.add({ bytes: 0 });
  progress.end();
  t.deepEqual(said, ['Fetched 1 file of packages, 0.0 MiB.']);
});
