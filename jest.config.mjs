/**
 * The tests in two projects: `fast` is for every commit (`npm test`), `long` is what needs more programs or more minutes
 * (`npm run test:long`; `npm run test:all` runs both).
 */
import { availableParallelism } from 'node:os'

/** Parts of paths. Those that take longest begin first, so that none of them is alone at the end. */
const long = [
  // Every fault, at each kind of Redis, and the doctor behind each proxy.
  '/test/faults/',
  '/test/cli/doctor',
  '/test/security/forgery',
  '/test/security/hardship',
  // A Redis Cluster, or sentinels.
  '/test/broker/redis/cluster',
  '/test/broker/redis/sentinel',
  '/test/broker/redis/subscriptions',
  '/test/broker/redis/trouble',
  // nginx, or curl.
  '/test/deployment',
  '/test/security/smuggling',
  '/test/location/seeds',
  '/test/bench/',
]

const each = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }] },
}

export default {
  // Most tests wait for other processes: twice as many as there are cores keep those busy.
  maxWorkers: Math.min(8, 2 * availableParallelism()),
  maxConcurrency: 8,
  testTimeout: 20_000,
  projects: [
    { ...each, displayName: 'fast', testPathIgnorePatterns: long },
    { ...each, displayName: 'long', testRegex: long.map(part => `${part}.*\\.test\\.ts$`) },
  ],
}
