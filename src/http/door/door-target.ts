/**
 * Owns which function a request to the listener for functions names: by its path, or, when there is a domain for functions,
 * by its host. Every address names one function at most:
 *
 *                    without accounts          with accounts
 *   by path          /<name>[/path]            /<namespace>/<name>[/path]
 *   by host          <name>.<domain>           <name>--<namespace>.<domain>
 */
import { isFunctionName } from '../../model/function/function-name.js';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../../model/function/ref.js';
import { decodeSegment, splitTarget } from '../calls/call-target.js';

export interface DoorAddressing {
  /** The domain below which every function has a host name, in lower case; null when there is none. */
  domain: string | null;
  /** Whether addresses name the namespace, too; else it is `default`. */
  withNamespaces: boolean;
}

export interface DoorTarget {
  ref: FunctionRef;
  /** Path and query as the function gets them, and the part of the path before them. */
  basePath: string;
  path: string;
  query: string;
}

/** Between a function's name and its namespace in a host name. */
const SEPARATOR = '--';

/**
 * The function that a request names, deployed or not; undefined when no function can have this address.
 * @param url the target in origin form, as sent
 * @param hostname the host of the request in canonical form, without a port; null when it has none
 */
export function doorTarget(
  url: string,
  hostname: string | null,
  { domain, withNamespaces }: DoorAddressing,
): DoorTarget | undefined {
  const label = domain === null ? undefined : labelOf(hostname, domain);
  if (label !== undefined) return targetOfHost(url, label, withNamespaces);
  return targetOfPath(url, withNamespaces);
}

/** The host name that would name the function, if its name and namespace fit into one; undefined without a domain. */
export function hostnameOfFunction(
  { name, namespace }: FunctionRef,
  { domain, withNamespaces }: DoorAddressing,
): string | undefined {
  if (domain === null) return undefined;
  return `${name}${withNamespaces ? `${SEPARATOR}${namespace}` : ''}.${domain}`;
}

/** What stands before the domain in a host name below it; undefined for any other host name. */
function labelOf(hostname: string | null, domain: string): string | undefined {
  const name = hostname?.endsWith('.') ? hostname.slice(0, -1) : hostname;
  return name?.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : undefined;
}

function targetOfHost(url: string, label: string, withNamespaces: boolean): DoorTarget | undefined {
  // A certificate for the domain covers one label, so a name with a dot is no host name of a function.
  if (label.includes('.')) return undefined;
  // The last separator counts: a name may hold it, a namespace that is addressed by host may not.
  const at = withNamespaces ? label.lastIndexOf(SEPARATOR) : label.length;
  const name = label.slice(0, Math.max(0, at));
  const namespace = withNamespaces ? label.slice(at + SEPARATOR.length) : DEFAULT_NAMESPACE;
  const question = url.indexOf('?');
  return targetOf(
    { namespace, name },
    {
      basePath: '',
      path: question === -1 ? url : url.slice(0, question),
      query: question === -1 ? '' : url.slice(question + 1),
    },
  );
}

function targetOfPath(url: string, withNamespaces: boolean): DoorTarget | undefined {
  if (!withNamespaces) {
    const { name, ...rest } = splitTarget(url, 1);
    return targetOf({ namespace: DEFAULT_NAMESPACE, name }, rest);
  }
  const [first = ''] = url.slice(1).split(/[/?]/, 1);
  if (url[1 + first.length] !== '/') return undefined;
  const { name, ...rest } = splitTarget(url, first.length + 2);
  return targetOf({ namespace: decodeSegment(first), name }, rest);
}

/** Namespaces have the characters of names. */
function targetOf(ref: FunctionRef, rest: Omit<DoorTarget, 'ref'>): DoorTarget | undefined {
  return isFunctionName(ref.name) && isFunctionName(ref.namespace) ? { ref, ...rest } : undefined;
}
