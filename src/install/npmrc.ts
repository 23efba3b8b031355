/** Owns reading npm's configuration files, as far as the credentials for a registry are in them. */

/** Settings of npmrc files by key, with `${NAME}` replaced. Later texts win over earlier ones. */
export function parseNpmrc(
  texts: readonly string[],
  variable: (name: string) => string | undefined,
): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of texts.flatMap((text) => text.split(/\r?\n/))) {
    const match = /^\s*([^;#=[\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, key, value] = match as unknown as [string, string, string];
    // npm leaves a reference to an unknown variable as it stands; `${NAME?}` becomes empty.
    const expand = (text: string): string =>
      text.replace(/\$\{([^}?]+)(\?)?\}/g, (whole, name: string, optional?: string) => {
        return variable(name) ?? (optional === undefined ? whole : '');
      });
    settings.set(expand(key), expand(unquoted(value)));
  }
  return settings;
}

/**
 * The `Authorization` header that npm would send to a registry, or null. npm looks for `//host/path/:_authToken`, `:_auth`,
 * or `:username` with `:_password`, from the registry's whole path upwards.
 */
export function authorizationFor(registry: URL, settings: ReadonlyMap<string, string>): string | null {
  for (let path = registry.pathname; ; path = path.replace(/[^/]*\/?$/, '')) {
    for (const prefix of new Set([
      `//${registry.host}${path}`,
      `//${registry.host}${path.replace(/\/$/, '')}`,
    ])) {
      const setting = (name: string): string | undefined => settings.get(`${prefix}:${name}`);
      const token = setting('_authToken');
      if (token !== undefined) return `Bearer ${token}`;
      const basic = setting('_auth');
      if (basic !== undefined) return `Basic ${basic}`;
      const [user, password] = [setting('username'), setting('_password')];
      if (user !== undefined && password !== undefined)
        return `Basic ${Buffer.from(`${user}:${Buffer.from(password, 'base64').toString()}`).toString('base64')}`;
    }
    if (path === '/' || path === '') return null;
  }
}

function unquoted(value: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(value);
  return quoted === null ? value : quoted[2]!;
}
