/** The configuration from environment variables: defaults, ranges and error messages. */
import { availableParallelism } from 'node:os'
import { describe, expect, test } from '@jest/globals'
import { type Config, ConfigError, readConfig } from '../server/config/config.ts'
import { optionsSchema } from '../server/config/options.ts'

/** The error message for an environment that is not valid. */
function faultOf(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
  return ''
}

/** Variable, option, default, minimum and maximum; null where the contract names no maximum. */
const numbers: [name: string, option: keyof Config, value: number, min: number, max: number | null][] = [
  ['PORT', 'port', 3_000, 0, 65_535],
  ['HISTORY_LENGTH', 'historyLength', 1_000, 10, null],
  ['HISTORY_TTL_MS', 'historyTtlMs', 3_600_000, 1_000, null],
  ['HEARTBEAT_MS', 'heartbeatMs', 15_000, 100, null],
  ['LEASE_MS', 'leaseMs', 30_000, 100, null],
  ['LEAVE_GRACE_MS', 'graceMs', 5_000, 100, null],
  ['STALL_MS', 'stallMs', 60_000, 100, null],
  ['STREAM_AGE_MS', 'streamAgeMs', 3_600_000, 100, null],
  ['DRAIN_MS', 'drainMs', 5_000, 100, null],
  ['KEEP_ALIVE_MS', 'keepAliveMs', 75_000, 100, null],
  ['MAX_STREAMS', 'maxStreams', 20_000, 1, null],
  ['POST_RATE', 'postRate', 100, 1, null],
  ['RELAY_RATE', 'relayRate', 10, 1, null],
  ['RELAY_GRACE_MS', 'relayGraceMs', 30_000, 100, null],
  ['RELAY_MAX_BYTES', 'relayMaxBytes', 4 * 1024 * 1024, 1_024, null],
  ['RELAY_IDLE_MS', 'relayIdleMs', 120_000, 100, null],
]

describe('the configuration', () => {
  test('of an empty environment has the defaults: in memory, on loopback', () => {
    const config = readConfig({})
    for (const [, option, value] of numbers) expect({ option, value: config[option] }).toEqual({ option, value })
    expect(config).toMatchObject({
      host: '127.0.0.1',
      redis: undefined,
      redisPrefix: 'colocate',
      corsOrigins: [],
      trustProxy: false,
      logLevel: 'info',
    })
  })

  test('ignores an empty variable', () => {
    const empty = [
      'HOST',
      'REDIS_URL',
      'REDIS_CLUSTER',
      'REDIS_PREFIX',
      'CORS_ORIGINS',
      'TRUST_PROXY',
      'LOG_LEVEL',
      'AUTH',
    ]
    const env = Object.fromEntries([...empty, ...numbers.map(([name]) => name)].map(name => [name, '']))
    expect(readConfig(env)).toEqual(readConfig({}))
  })

  test.each(numbers)('accepts %s down to its minimum', (name, option, value, min) => {
    expect(readConfig({ [name]: `${value + 1}` })[option]).toBe(value + 1)
    expect(readConfig({ [name]: `${min}` })[option]).toBe(min)
  })

  test.each(numbers)(
    'refuses a %s that is not a whole number or is out of range, and prints its name, range and value',
    (name, _, __, min, max) => {
      const low = min === 0 ? [] : [`${min - 1}`]
      const high = [`${(max ?? 1e15) + 1}`]
      for (const given of ['-1', '1.5', '1e3', 'many', '0x10', ' 7', '10s', 'Infinity', ...low, ...high]) {
        const fault = faultOf({ [name]: given })
        expect(fault).toContain(name)
        expect(fault).toContain(`${min}`)
        if (max !== null) expect(fault).toContain(`${max}`)
        expect(fault).toContain(given)
      }
    },
  )

  test('refuses an ADMIN_PORT that equals PORT', () => {
    expect(faultOf({ PORT: '3000', ADMIN_PORT: '3000' })).toContain('ADMIN_PORT')
    expect(readConfig({ PORT: '0', ADMIN_PORT: '0' }).adminPort).toBe(0)
  })

  test('accepts several workers only with Redis and with a stream for each', () => {
    const env = { REDIS_URL: 'redis://a' }
    expect(readConfig({}).workers).toBe(1)
    expect(readConfig({ ...env, WORKERS: '4' }).workers).toBe(4)
    expect(readConfig({ ...env, WORKERS: 'auto' }).workers).toBe(availableParallelism())
    expect(faultOf({ WORKERS: '4' })).toMatch(/^4 workers need .*REDIS_URL.*WORKERS to 1$/)
    expect(faultOf({ ...env, WORKERS: '4', MAX_STREAMS: '3' })).toContain('MAX_STREAMS is 3')
    expect(faultOf({ ...env, WORKERS: 'many' })).toBe(
      'WORKERS must be auto or a whole number from 1 to 128, not "many"',
    )
  })

  test('reports all faults together, each on its own line', () => {
    const lines = faultOf({ PORT: 'a', LEASE_MS: 'b', LOG_LEVEL: 'c', HOST: '0.0.0.0' }).split('\n')
    expect(lines).toHaveLength(4)
    for (const [i, name] of ['PORT', 'LEASE_MS', 'LOG_LEVEL', 'HOST'].entries()) expect(lines[i]).toContain(name)
  })

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('accepts the loopback host %s without AUTH', host => {
    expect(readConfig({ HOST: host }).host).toBe(host)
  })

  test.each([
    '0.0.0.0',
    '::',
    '192.168.1.1',
    '128.0.0.1',
    'example.org',
    '127.0.0.1.example.org',
    'localhost.example.org',
    '127.example.org',
  ])('accepts the host %s only with AUTH=off, and names AUTH=off in the error message', host => {
    const fault = faultOf({ HOST: host })
    for (const word of ['HOST', host, 'AUTH=off']) expect(fault).toContain(word)
    expect(readConfig({ HOST: host, AUTH: 'off' }).host).toBe(host)
  })

  test.each([
    ['HOST', 'no host'],
    ['HOST', 'http://localhost'],
    ['REDIS_PREFIX', 'a b'],
    ['REDIS_PREFIX', 'a{b}'],
    ['REDIS_PREFIX', 'a'.repeat(65)],
    ['CORS_ORIGINS', 'https://example.org/'],
    ['CORS_ORIGINS', 'example.org'],
    ['CORS_ORIGINS', 'https://example.org,*'],
    ['CORS_ORIGINS', 'null'],
    ['CORS_ORIGINS', 'https://*'],
    ['CORS_ORIGINS', 'https://*.*.example.org'],
    ['CORS_ORIGINS', 'https://a.*.example.org'],
    ['CORS_ORIGINS', 'https://a*.example.org'],
    ['CORS_ORIGINS', 'https://*example.org'],
    ['CORS_ORIGINS', '*://example.org'],
    ['CORS_ORIGINS', 'https://example.org:*'],
    ['CORS_ORIGINS', 'https://example.org:443'],
    ['CORS_ORIGINS', 'https://EXAMPLE.org'],
    ['CORS_ORIGINS', 'https://example.org?'],
    ['CORS_ORIGINS', 'file://'],
    ['CORS_ORIGINS', 'blob:https://example.org'],
    ['TRUST_PROXY', 'not an address'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '0.0.0.0/0'],
    ['TRUST_PROXY', ','],
    ['TRUST_PROXY', 'fd00::/129'],
    ['TRUST_PROXY', '1000'],
    ['LOG_LEVEL', 'loud'],
    ['AUTH', 'on'],
  ])('refuses %s="%s" and prints the name and the value', (name, given) => {
    const fault = faultOf({ [name]: given })
    expect(fault).toContain(name)
    expect(fault).toContain(given)
    // The message is the project's own and not a default message of zod.
    expect(fault).not.toMatch(/Invalid|expected|Too/)
  })

  test.each([
    'http://:hunter2@localhost:6379',
    'localhost:6379',
    'redis://:hunter2@localhost:port',
    'redis//:hunter2@localhost',
  ])('refuses the REDIS_URL %s and does not print its password', given => {
    const fault = faultOf({ REDIS_URL: given })
    expect(fault).toMatch(/REDIS_URL.*redis:\/\/.*rediss:\/\//)
    expect(fault).not.toContain('hunter2')
  })

  test.each([
    ['REDIS_CLUSTER', 'redis://:hunter2@a:7000'],
    ['REDIS_CLUSTER', 'a:7000,user:hunter2@b:7001'],
    ['REDIS_CLUSTER', 'a:7000:hunter2'],
    ['REDIS_CLUSTER', 'a:7000?password=hunter2'],
    ['REDIS_SENTINELS', 'redis://:hunter2@a:7000'],
    ['HOST', 'user:hunter2@example.org'],
    ['CORS_ORIGINS', 'https://user:hunter2@example.org'],
    ['RELAY_UPSTREAMS', 'hunter2.json'],
    ['RELAY_UPSTREAMS', '[{"prefix":"https://a.org/","headers":"hunter2"}]'],
    ['RELAY_UPSTREAMS', '[{"prefix":"https://user:hunter2@a.org/"}]'],
  ])('refuses %s=%s and does not print the password', (name, given) => {
    const fault = faultOf({ [name]: given, HOST: 'a b', ...(name === 'HOST' && { HOST: given }) })
    expect(fault).toContain(`${name} must be`)
    expect(fault).not.toContain('hunter2')
  })

  test.each(['redis://h/abc', 'redis://h/-1', 'redis://h/1/2'])('refuses the database of %s', given => {
    expect(faultOf({ REDIS_URL: given })).toMatch(/REDIS_URL must be .*a database number/)
  })

  test('has the users, passwords and TLS of the nodes and of the Sentinels', () => {
    const env = { REDIS_USERNAME: 'app', REDIS_PASSWORD: 'p1', REDIS_TLS: '1' }
    const access = { username: 'app', password: 'p1', tls: true }
    expect(readConfig({ REDIS_URL: 'redis://h', ...env }).redis).toMatchObject(access)
    expect(readConfig({ REDIS_CLUSTER: '[::1]:7000', ...env }).redis).toMatchObject({
      nodes: ['[::1]:7000'],
      ...access,
    })
    const sentinels = {
      REDIS_SENTINELS: 'a:1',
      REDIS_SENTINEL_NAME: 'main',
      SENTINEL_USERNAME: 'w',
      SENTINEL_TLS: 'true',
    }
    expect(readConfig({ ...sentinels, ...env, SENTINEL_PASSWORD: 'p2' }).redis).toMatchObject({
      ...access,
      sentinelUsername: 'w',
      sentinelPassword: 'p2',
      sentinelTls: true,
    })
    expect(faultOf({ REDIS_TLS: 'yes' })).toBe('REDIS_TLS must be 1 or not set, not "yes"')
  })

  test.each(['redis://localhost', 'rediss://user:hunter2@redis.example:6380/2'])('accepts the REDIS_URL %s', url => {
    expect(readConfig({ REDIS_URL: url }).redis).toEqual({ kind: 'single', url })
  })

  test('accepts the nodes of a cluster, or sentinels and the name of their primary', () => {
    const nodes = ['a.example:7000', '10.0.0.2:7001']
    expect(readConfig({ REDIS_CLUSTER: nodes.join(', ') }).redis).toEqual({ kind: 'cluster', nodes })
    expect(readConfig({ REDIS_SENTINELS: nodes.join(','), REDIS_SENTINEL_NAME: 'main' }).redis).toEqual({
      kind: 'sentinel',
      sentinels: nodes,
      name: 'main',
    })
  })

  test.each([
    [{ REDIS_CLUSTER: 'a:7000', REDIS_URL: 'redis://b' }, ['REDIS_CLUSTER', 'REDIS_URL']],
    [{ REDIS_SENTINELS: 'a:7000' }, ['REDIS_SENTINELS', 'REDIS_SENTINEL_NAME']],
    [{ REDIS_SENTINEL_NAME: 'main' }, ['REDIS_SENTINELS', 'REDIS_SENTINEL_NAME']],
    [{ REDIS_CLUSTER: 'a' }, ['REDIS_CLUSTER', 'host:port', 'a']],
    [{ REDIS_CLUSTER: 'a:99999' }, ['REDIS_CLUSTER', 'host:port', 'a:99999']],
    [{ REDIS_SENTINELS: 'a:7000,:1', REDIS_SENTINEL_NAME: 'main' }, ['REDIS_SENTINELS', 'host:port', 'a:7000,:1']],
  ] as [Record<string, string>, string[]][])('refuses %j and prints the reason', (env, words) => {
    for (const word of words) expect(faultOf(env)).toContain(word)
  })

  test('splits CORS_ORIGINS into its origins', () => {
    const origins = ['https://a.example', 'http://localhost:5173', 'capacitor://localhost', 'https://*.b.example:8443']
    expect(readConfig({ CORS_ORIGINS: origins.join(', ') }).corsOrigins).toEqual(origins)
  })

  test.each([
    ['true', true],
    ['false', false],
    ['2', 2],
    ['loopback, 10.0.0.0/8', 'loopback, 10.0.0.0/8'],
  ])('accepts TRUST_PROXY=%s as Express does', (given, expected) => {
    expect(readConfig({ TRUST_PROXY: given }).trustProxy).toEqual(expected)
  })
  test('has the same rules for options that are not strings', () => {
    const given = { port: 1, leaseMs: 100, corsOrigins: ['https://a.example'], trustProxy: true, redisCluster: ['a:1'] }
    expect(optionsSchema({}).parse(given)).toMatchObject(given)
    for (const invalid of [{ port: '1.5' }, { port: null }, { corsOrigins: [1] }, { host: 1 }, { trustProxy: {} }]) {
      expect(optionsSchema({}).safeParse(invalid).success).toBe(false)
    }
  })
})
