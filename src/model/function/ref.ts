/** Owns how people address a function: by a name within a namespace. Everything inside the server uses its `FunctionId`. */

/** The namespace of every function while there are no accounts. */
export const DEFAULT_NAMESPACE = 'default';

export interface FunctionRef {
  readonly namespace: string;
  readonly name: string;
}

/** A key that is equal exactly for the same namespace and name: neither may hold a slash. */
export function refKey({ namespace, name }: FunctionRef): string {
  return `${namespace}/${name}`;
}

/** The ref for people: the name alone in the namespace `default`, else `namespace/name`. */
export function shownRef(ref: FunctionRef): string {
  return ref.namespace === DEFAULT_NAMESPACE ? ref.name : refKey(ref);
}

/** Compares refs for a sort: by namespace, then by name, both by their characters' codes. */
export function compareRefs(a: FunctionRef, b: FunctionRef): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return 0;
}
