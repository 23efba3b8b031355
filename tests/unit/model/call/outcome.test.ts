import test from 'ava';
import {
  describeExit,
  failureOfResult,
  isOutOfMemory,
  loadFailed,
} from '../../../../src/model/call/outcome.js';

test('the end of a process is told by its code or signal', (t) => {
  const told = (exitCode: number | null) => describeExit({ exitCode, oomKilled: false });
  t.is(told(0), 'it ended with exit code 0');
  t.is(told(3), 'it ended with exit code 3');
  t.is(told(128), 'it ended with exit code 128');
  t.is(told(139), 'it was ended by SIGSEGV');
  t.is(told(152), 'it was ended by SIGXCPU');
  t.is(told(130), 'it was ended by signal 2');
  t.is(told(null), 'it broke off its connection');
  t.is(describeExit(undefined), 'it broke off its connection');
});

test('memory is blamed only with evidence', (t) => {
  t.true(isOutOfMemory({ exitCode: 137, oomKilled: true }, ''));
  t.true(
    isOutOfMemory({ exitCode: 134, oomKilled: false }, 'FATAL ERROR: Reached heap limit Allocation failed'),
  );
  t.false(isOutOfMemory({ exitCode: 134, oomKilled: false }, 'abort'));
  t.false(isOutOfMemory({ exitCode: 1, oomKilled: false }, 'heap out of memory'));
  t.false(isOutOfMemory({ exitCode: 137, oomKilled: false }, ''));
  t.false(isOutOfMemory(undefined, 'heap out of memory'));
});

test('a load that failed is told with what is known of its place, its stack to its author only', (t) => {
  const stack = 'TypeError: x\n    at a.js:3:1';
  t.like(loadFailed({ name: 'TypeError', message: 'x', stack, file: 'a.js', line: 3 }, 422), {
    status: 422,
    code: 'LOAD_FAILED',
    message: 'The function does not load: TypeError: x (a.js:3)',
    details: { file: 'a.js', line: 3, stack },
  });
  t.is(
    loadFailed({ name: 'Error', message: 'x', stack: '', file: 'a.js' }, 422).message,
    'The function does not load: x (a.js)',
  );
  t.deepEqual(loadFailed({ name: 'TypeError', message: 'x', stack, file: 'a.js', line: 3 }, 500).details, {
    file: 'a.js',
    line: 3,
  });
  const message = 'Invalid environment:\n- A is missing\n- B is no number';
  t.is(
    loadFailed({ name: 'Error', message, stack: '' }, 422).message,
    `The function does not load: ${message}`,
    'all lines, as validators write them',
  );
  t.is(
    loadFailed(
      { name: 'Error', message: "Cannot find module 'x'\nRequire stack:\n- index.js", stack: '' },
      422,
    ).message,
    "The function does not load: Cannot find module 'x'",
  );
  const none = loadFailed({ name: 'LoadError', message: 'no entry file.', stack }, 500);
  t.is(none.message, 'The function does not load: no entry file.');
  t.deepEqual(none.details, {});
});

test('a body that the function took for JSON in vain is the fault of the caller', (t) => {
  const error = { name: 'InvalidBody', message: 'invalid JSON body: …', stack: 'at index.js:1:1' };
  t.like(failureOfResult({ type: 'error', kind: 'invalid-body', error }), {
    error: { code: 'INVALID_BODY', status: 400, message: 'invalid JSON body: …' },
    outcome: 'function_error',
    stack: 'at index.js:1:1',
  });
});
