import test from 'ava';
import { seccompProfile } from '../../../../src/driver/docker/seccomp-profile.js';

interface Rule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}

function rules(network: 'none' | 'bridge'): Rule[] {
  return (JSON.parse(seccompProfile(network)) as { syscalls: Rule[] }).syscalls;
}

const outs = `bpf keyctl add_key request_key ptrace process_vm_readv process_vm_writev pidfd_getfd userfaultfd perf_event_open
  personality name_to_handle_at open_by_handle_at io_uring_setup io_uring_enter io_uring_register unshare setns mount umount2
  pivot_root chroot init_module finit_module kexec_load reboot syslog fsopen open_tree move_mount quotactl acct swapon`;

test('no way out is on the list, and no call twice', (t) => {
  const names = rules('bridge')[0]?.names ?? [];
  t.deepEqual(
    outs.split(/\s+/).filter((name) => names.includes(name)),
    [],
  );
  t.is(new Set(names).size, names.length);
  t.false(
    names.includes('socket') || names.includes('clone') || names.includes('clone3') || names.includes(''),
  );
});

test('clone3 answers that it does not exist, so that libc falls back to clone', (t) => {
  t.deepEqual(
    rules('none').find(({ names }) => names.includes('clone3')),
    {
      names: ['clone3'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 38,
    },
  );
});

/** "family/type/protocol" of every kind of socket that is allowed; `*`: any. */
function sockets(network: 'none' | 'bridge'): string[] {
  return rules(network)
    .filter(({ names, action }) => names.includes('socket') && action === 'SCMP_ACT_ALLOW')
    .map(({ args = [] }) =>
      [0, 1, 2]
        .map((index) => args.find((arg) => arg.index === index))
        .map((arg) => arg?.valueTwo ?? arg?.value ?? '*')
        .join('/'),
    );
}

test('without a network sockets of the internet are TCP and UDP, for the loopback', (t) => {
  t.deepEqual(sockets('none'), [
    '1/*/*',
    '16/*/0',
    ...['2/1/0', '2/1/6', '2/2/0', '2/2/17'],
    ...['10/1/0', '10/1/6', '10/2/0', '10/2/17'],
  ]);
  const [stream] = rules('none').filter(({ args }) => args?.[0]?.value === 2);
  t.deepEqual(
    stream?.args?.[1],
    { index: 1, value: 0xf, valueTwo: 1, op: 'SCMP_CMP_MASKED_EQ' },
    'flags are let through',
  );
});

test('with a network sockets of the internet are allowed', (t) => {
  t.deepEqual(sockets('bridge'), ['1/*/*', '16/*/0', '2/*/*', '10/*/*']);
});

test('the text is made once', (t) => {
  t.is(seccompProfile('none'), seccompProfile('none'));
});
