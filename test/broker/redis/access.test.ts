/** Credentials, TLS and IPv6 addresses for each kind of Redis. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { freePortPair } from '../../support/ports.ts'
import { ended, run, startRedis, type TestRedis } from '../../support/redis.ts'
import { Room, untilReady } from '../../support/rooms.ts'
import { startServer } from '../../support/server.ts'

const exec = promisify(execFile)
const passwords = { node: 'node-hunter2', sentinel: 'sentinel-hunter2' }

let dir = ''
const cleanups: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'colocate-tls-'))
  const subject = ['-subj', '/CN=colocate', '-addext', 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost']
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`]
  await exec('openssl', ['req', '-x509', '-days', '2', ...key, ...subject])
}, 30_000)
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const tlsFiles = () => [
  ['tls-cert-file', `${dir}/cert.pem`],
  ['tls-key-file', `${dir}/key.pem`],
  ['tls-ca-cert-file', `${dir}/cert.pem`],
  ['tls-auth-clients', 'no'],
]
const flags = (settings: string[][]) => settings.flatMap(([name, value]) => [`--${name}`, `${value}`])

/** A Redis with a user and a password. Its only port accepts only TLS. */
async function secureRedis(more: string[] = []): Promise<TestRedis> {
  const port = await freePortPair()
  const acl = ['user', 'app', 'on', `>${passwords.node}`, '~*', '&*', '+@all']
  const tls = ['--port', '0', '--tls-port', `${port}`, '--tls-cluster', 'yes', '--tls-replication', 'yes']
  const redis = await startRedis([
    ...more,
    ...tls,
    ...flags(tlsFiles()),
    '--requirepass',
    passwords.node,
    `--${acl[0]}`,
    ...acl.slice(1),
  ])
  cleanups.push(() => redis.stop())
  return { ...redis, port }
}

const secure = () => ({
  REDIS_USERNAME: 'app',
  REDIS_PASSWORD: passwords.node,
  REDIS_TLS: '1',
  NODE_EXTRA_CA_CERTS: `${dir}/cert.pem`,
})

/** Starts a server and checks that a stream receives a published location and that the log contains no password. */
async function serves(env: Record<string, string>): Promise<void> {
  const server = await startServer({ LOG_LEVEL: 'trace', ...env })
  cleanups.push(() => server.stop())
  await untilReady(server, true)
  const room = new Room(server)
  const stream = await room.follow()
  await stream.next('snapshot')
  await room.put('alice', 1, 1)
  await stream.next('location')
  stream.close()
  expect(JSON.stringify(server.log)).not.toContain('hunter2')
}

/** Makes one node the owner of all slots. */
async function makeCluster(options: object): Promise<void> {
  const admin = new Redis({ ...options, maxRetriesPerRequest: 3 })
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  while (!String(await admin.cluster('INFO')).includes('cluster_state:ok')) await new Promise(setImmediate)
  admin.disconnect()
}

test('the server connects to a single Redis with a user, a password and TLS', async () => {
  const { port } = await secureRedis()
  await serves({ REDIS_URL: `redis://127.0.0.1:${port}`, ...secure() })
  await serves({
    REDIS_URL: `rediss://app:${passwords.node}@127.0.0.1:${port}`,
    NODE_EXTRA_CA_CERTS: `${dir}/cert.pem`,
  })
})

test('the server connects to a cluster with a user, a password and TLS', async () => {
  const { port } = await secureRedis(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
  await makeCluster({ port, password: passwords.node, tls: { rejectUnauthorized: false } })
  await serves({ REDIS_CLUSTER: `127.0.0.1:${port}`, ...secure() })
})

test('the server connects to a master and a sentinel with TLS and different passwords', async () => {
  const { port } = await secureRedis()
  const sentinelPort = await freePortPair()
  const settings = [
    ['port', '0'],
    ['tls-port', `${sentinelPort}`],
    ['bind', '127.0.0.1'],
    ['dir', dir],
    ...tlsFiles(),
    ['tls-replication', 'yes'],
    ['user', `watch on >${passwords.sentinel} allchannels +@all`],
    ['user', 'default off'],
    ['sentinel', `monitor main 127.0.0.1 ${port} 1`],
    ['sentinel', `auth-pass main ${passwords.node}`],
  ]
  await writeFile(join(dir, 'sentinel.conf'), settings.map(line => line.join(' ')).join('\n'))
  const child = await run([join(dir, 'sentinel.conf'), '--sentinel'], 'Sentinel ID is')
  cleanups.push(async () => {
    child.kill()
    await ended(child)
  })
  await serves({
    REDIS_SENTINELS: `127.0.0.1:${sentinelPort}`,
    REDIS_SENTINEL_NAME: 'main',
    SENTINEL_USERNAME: 'watch',
    SENTINEL_PASSWORD: passwords.sentinel,
    SENTINEL_TLS: '1',
    ...secure(),
  })
})

test('the server connects to a cluster and a single Redis at IPv6 addresses', async () => {
  const settings = ['--bind', '::1', '--cluster-enabled', 'yes', '--cluster-announce-ip', '::1']
  const cluster = await startRedis(settings)
  cleanups.push(() => cluster.stop())
  await makeCluster({ port: cluster.port, host: '::1' })
  await serves({ REDIS_CLUSTER: `[::1]:${cluster.port}` })
  const single = await startRedis(['--bind', '::1'])
  cleanups.push(() => single.stop())
  await serves({ REDIS_URL: `redis://[::1]:${single.port}` })
})
