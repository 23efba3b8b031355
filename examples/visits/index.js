// Counts its visits, in a variable and in a file, and always answers 1: every call gets a container that nobody has
// used before. Deploy it with `-F isolation=function` and containers are used again: now it counts.
const { appendFileSync, statSync } = require('node:fs');

let visits = 0;

exports.handler = () => {
  visits += 1;
  appendFileSync('/tmp/visits', '.'); // /tmp is the only place a function can write to
  return { body: { inMemory: visits, inTmp: statSync('/tmp/visits').size } };
};
