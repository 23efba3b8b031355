import test from 'ava';
import { messageId } from '../../../../src/instance/wire/message-id.js';

test('ids are 32 hexadecimal digits and never the same', (t) => {
  const ids = Array.from({ length: 10_000 }, messageId);
  t.is(new Set(ids).size, ids.length);
  t.true(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
});

test('an id tells nothing of the next: each digit is any other as often', (t) => {
  const counts = new Map<string, number>();
  let before = messageId();
  for (let n = 0; n < 4_000; n += 1) {
    const id = messageId();
    for (let at = 0; at < id.length; at += 1) {
      const step = ((parseInt(id[at]!, 16) - parseInt(before[at]!, 16) + 16) % 16).toString(16);
      counts.set(step, (counts.get(step) ?? 0) + 1);
    }
    before = id;
  }
  // 8,000 of each step are expected; the standard deviation is 87.
  for (const count of counts.values()) t.true(Math.abs(count - 8_000) < 700, `${count}`);
  t.is(counts.size, 16);
});
