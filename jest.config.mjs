/**
 * Divides the tests into projects. `npm test` runs `fast`. `npm run test:long` runs `long`, which needs more programs and more
 * time. `npm run test:all` runs both. `npm run test:packages` installs packages and the examples. `npm run test:mounted` runs
 * suites of `fast` and `long` once more against an application that mounts Colocate.
 */
import { availableParallelism } from 'node:os'

/** Paths of the suites in `long`, in the order in which they start: the longest suites first. */
const long = [
  // Every fault with each kind of Redis; the doctor with each proxy.
  '/test/faults/cluster',
  '/test/faults/sentinel',
  '/test/faults/',
  '/test/cli/doctor',
  // Each builds a checkout.
  '/test/start/',
  // Prometheus.
  '/test/operations/',
  // Every reader of two instances; runs over several instances, cut everywhere, or read by curl and Python.
  '/test/delivery',
  '/test/relay/idempotency',
  '/test/relay/instances',
  '/test/relay/complete',
  '/test/relay/bytes',
  '/test/relay/stalled-reader',
  // Servers of several processes each.
  '/test/workers',
  // The relay with a hundred clients; its delay beside a direct call's.
  '/test/relay/leaving',
  '/test/relay/delay',
  // The page: every state with axe; its troubles, visitors and the relay's example; in Firefox.
  '/test/web/page/accessibility',
  '/test/web/page/trouble',
  '/test/web/page/visits',
  '/test/web/page/relay',
  '/test/web/page/firefox',
  // Many requests or connections; the benchmark's smoke test.
  '/test/security/injection',
  '/test/security/abuse',
  '/test/bench/',
  // Ten browser tabs; a minute of renewed tokens; dead links.
  '/test/web/client/long/',
  // A trace of the page in a busy room.
  '/test/web/page/busy',
  // Redis at a distance; Redis Cluster or Sentinel.
  '/test/broker/redis/far',
  '/test/broker/redis/cluster',
  '/test/broker/redis/sentinel',
  '/test/broker/redis/subscriptions',
  '/test/broker/redis/unavailable',
  // nginx or curl.
  '/test/deployment',
  '/test/security/smuggling',
  '/test/location/simple-clients',
]

/** Paths of the suites that install packages from the npm registry, in an empty project or in an example. */
const packages = [
  '/test/packaging',
  '/test/mounts',
  '/test/examples/',
  '/test/web/client/long/package',
  '/test/web/client/long/projects',
]

/** Suites about what an application serves that mounts Colocate behind a parser of bodies, and those that need no server. */
const mounted = ['/test/location/', '/test/relay/', '/test/http/', '/test/faults/single']
const byHost = ['malformed-request', 'metrics', 'routes', 'body', 'bad-input']
const withoutServer = [
  'options',
  'match',
  'rate',
  'response',
  'client-address',
  'color',
  'conceal',
  'upstream-events',
  'upstreams',
]
/** Suites about bodies that are not valid: the application answers those itself if a parser reads them first. */
const mountedFirst = ['/test/http/body', '/test/http/bad-input', '/test/ticks/']

const each = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }] },
}

export default {
  // Most tests wait for other processes, so there is one worker more than there are cores.
  maxWorkers: availableParallelism() + 1,
  // How many tests of a file run at the same time if they are declared with `test.concurrent`.
  maxConcurrency: 8,
  testTimeout: 20_000,
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  projects: [
    { ...each, displayName: 'fast', testPathIgnorePatterns: [...long, ...packages] },
    {
      ...each,
      displayName: 'mounted',
      globals: { mounted: 'behind a parser' },
      testRegex: mounted.map(part => `${part}.*\\.test\\.ts$`),
      testPathIgnorePatterns: [...byHost, ...withoutServer].map(name => `/${name}\\.test\\.ts$`),
    },
    {
      ...each,
      displayName: 'mounted first',
      globals: { mounted: 'first' },
      testRegex: mountedFirst.map(part => `${part}.*\\.test\\.ts$`),
    },
    {
      ...each,
      displayName: 'long',
      testRegex: long.map(part => `${part}.*\\.test\\.ts$`),
      testPathIgnorePatterns: packages,
    },
    { ...each, displayName: 'packages', testRegex: packages.map(part => `${part}.*\\.test\\.ts$`) },
  ],
}
