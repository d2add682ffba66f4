/**
 * What Kubernetes and Docker make of the name of a service or a container that is called sboxagent, or begins so: variables with our prefix
 * that nobody wrote. They are told by their shape, so that a misspelt key is still refused.
 */
const address = /^(?:tcp|udp|sctp):\/\/\S+:\d+$/;

const shapes: readonly { readonly name: RegExp; readonly value: RegExp }[] = [
  // …_SERVICE_HOST=10.0.0.11, …_SERVICE_PORT=8080, …_SERVICE_PORT_GRPC=8080
  { name: /_SERVICE_HOST$/, value: /^[0-9a-fA-F.:]+$/ },
  { name: /_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, value: /^\d+$/ },
  // …_PORT=tcp://10.0.0.11:8080, …_PORT_8080_TCP=tcp://…: no key takes such a value.
  { name: /_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/, value: address },
  { name: /_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:START|END))?$/, value: address },
  { name: /_PORT_\d+_(?:TCP|UDP|SCTP)_ADDR$/, value: /^\S+$/ },
  { name: /_PORT_\d+_(?:TCP|UDP|SCTP)_PORT(?:_(?:START|END))?$/, value: /^\d+$/ },
  { name: /_PORT_\d+_(?:TCP|UDP|SCTP)_PROTO$/, value: /^(?:tcp|udp|sctp)$/ },
  // Docker's links: …_NAME=/web/sboxagent
  { name: /_NAME$/, value: /^\/[^/\s]+\/[^/\s]+$/ },
];

/** Whether Kubernetes or Docker made this variable. */
export function isLinkVariable(name: string, value: string): boolean {
  return name.startsWith('SBOXAGENT_') && shapes.some((shape) => shape.name.test(name) && shape.value.test(value));
}

/** The variables of an environment that are passed over for it, by name. */
export function linkVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) => (value !== undefined && isLinkVariable(name, value) ? [name] : []));
}

/** One warning for all of them; undefined where there are none. */
export function linkWarning(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const [first, ...more] = linkVariables(env);
  if (first === undefined) return undefined;
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  return `passed over ${first}${others}: Kubernetes or Docker made them of a service's name (enableServiceLinks: false, or another name, avoids it)`;
}
