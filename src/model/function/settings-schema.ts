/** Owns a function's settings as JSON Schema, for the description of the HTTP API and for editors. */
import { z } from 'zod';
import { DEFAULT_SETTINGS, EXPECTED, patchSchema } from './settings.js';

/** JSON Schema (2020-12) of an object with some of the settings: the rules that validate, as far as JSON Schema can say them. */
export function settingsJsonSchema(): Record<string, unknown> {
  const { properties = {}, ...rest } = z.toJSONSchema(patchSchema, { io: 'input' });
  const described = Object.entries(properties).map(([name, schema]) => {
    if (typeof schema === 'boolean') return [name, schema] as const;
    const { maximum, ...limits } = schema;
    // The most cores differ from machine to machine.
    const perMachine = name === 'cpus';
    const description = perMachine
      ? 'a number of cores from 0.1 up'
      : EXPECTED[name as keyof typeof EXPECTED];
    return [
      name,
      {
        description,
        default: DEFAULT_SETTINGS[name as keyof typeof DEFAULT_SETTINGS],
        ...limits,
        ...(perMachine || maximum === undefined ? {} : { maximum }),
      },
    ] as const;
  });
  return { ...rest, properties: Object.fromEntries(described) };
}

/** The schema of a `glambdar.json` for editors. The file may name its schema. */
export function editorSchema(): Record<string, unknown> {
  const { $schema, properties, ...rest } = settingsJsonSchema();
  return {
    $schema,
    title: 'glambdar.json',
    description: 'Settings of a Glambdar function, at the root of its archive.',
    ...rest,
    properties: { $schema: { type: 'string' }, ...(properties as object) },
  };
}
