/** Owns the switch of the integration tests: they run only with RUN_INTEGRATION_TESTS=1, else AVA reports them as skipped. */
import test, { type SkipFn } from 'ava';

/** Whether integration tests run, for set-up code outside a test. Everything else takes `integration`. */
export const integrationEnabled = process.env['RUN_INTEGRATION_TESTS'] === '1';

/** Declares an integration test: serial, because they share one Docker daemon. Used like AVA's `test`. */
export const integration: SkipFn = integrationEnabled ? test.serial : test.serial.skip;
