import test from 'ava';
import { describeBytes } from '../../../src/model/byte-size.js';

test('a number of bytes is named in whole units, too, where it has some', (t) => {
  t.deepEqual(
    [6 * 1024 * 1024, 256 * 1024, 1000, 0].map((bytes) => describeBytes(bytes)),
    ['6291456 bytes (6 MiB)', '262144 bytes (256 KiB)', '1000 bytes', '0 bytes'],
  );
});
