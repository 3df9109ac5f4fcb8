/**
 * The tests in two projects: `npm test` runs `fast` before each commit; `npm run test:long` runs `long`, which needs more
 * programs and more minutes; `npm run test:all` runs both.
 */
import { availableParallelism } from 'node:os'

/** Parts of paths, the suites that take longest first: they start in this order. */
const long = [
  // Every fault with each kind of Redis, and the doctor behind each proxy.
  '/test/faults/cluster',
  '/test/faults/sentinel',
  '/test/faults/',
  '/test/cli/doctor',
  // Many requests, connections or runs.
  '/test/security/injection',
  '/test/security/abuse',
  '/test/bench/',
  // A Redis Cluster or Sentinel.
  '/test/broker/redis/cluster',
  '/test/broker/redis/sentinel',
  '/test/broker/redis/subscriptions',
  '/test/broker/redis/unavailable',
  // nginx or curl.
  '/test/deployment',
  '/test/security/smuggling',
  '/test/location/seeds',
]

const each = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }] },
}

export default {
  // Most tests wait for other processes, so one worker more than there are cores keeps the cores busy.
  maxWorkers: availableParallelism() + 1,
  maxConcurrency: 8,
  testTimeout: 20_000,
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  projects: [
    { ...each, displayName: 'fast', testPathIgnorePatterns: long },
    { ...each, displayName: 'long', testRegex: long.map(part => `${part}.*\\.test\\.ts$`) },
  ],
}
