#!/usr/bin/env node
/**
 * The process: its commands, environment, signals and exit.
 */
import cluster from 'node:cluster'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { type Call, parseCommandLine, UsageError } from './cli/command-line.ts'
import { doctor } from './cli/doctor/doctor.ts'
import { createLog, type Log } from './cli/log.ts'
import { makeToken } from './cli/token.ts'
import { top } from './cli/top/top.ts'
import { type Config, ConfigError, readConfig } from './config/config.ts'
import { optionsOf } from './config/flags.ts'
import { closeServer, listen } from './http/http-server.ts'
import { createColocate } from './index.ts'
import { packageVersion } from './version.ts'
import { sendTo } from './workers/messages.ts'
import { MetricsGatherer } from './workers/metrics-gatherer.ts'
import { shareMetrics } from './workers/share-metrics.ts'
import { WorkerPool } from './workers/worker-pool.ts'

/**
 * Node allocates streams, which live for hours, and requests, which live for milliseconds, at the same places in its code.
 * After many streams have opened, V8 would allocate everything from these places in the old generation, where requests
 * stay until the next full collection.
 */
setFlagsFromString('--no-allocation-site-pretenuring')

/** Set for the workers that this program starts. */
const workerMark = 'COLOCATE_WORKER'

/** How long after the drain time a worker that still runs is killed. Workers that do not hang always end earlier. */
const workersMs = 1_500

/** How long the exit waits until the last log lines are written. */
const lastLinesMs = 250

const { env, stdout, stderr } = process
const isTerminal = stdout.isTTY === true
const isOwnWorker = env[workerMark] !== undefined

async function main(argv: string[]): Promise<void> {
  const invocation = parseCommandLine(argv)
  if (invocation.kind === 'help') print(invocation.text)
  else if (invocation.kind === 'version') print(packageVersion)
  else await run(invocation)
}

async function run({ command, flags, args: [url] }: Call): Promise<void> {
  if (command === 'serve') await serve(readConfig(env, optionsOf(flags)))
  else if (command === 'token') print(await makeToken(flags, readConfig(env).auth))
  else process.exitCode = await { doctor, top }[command]({ ...flags, url }, stdout, stderr)
}

function print(text: string): void {
  stdout.write(`${text}\n`)
}

async function serve(config: Config): Promise<void> {
  if (config.workers > 1 && cluster.isWorker && !isOwnWorker) {
    throw new ConfigError(
      'A process manager runs this process as one of its workers. Set WORKERS to 1, or start Colocate without the process manager.',
    )
  }
  if (config.workers > 1 && !isOwnWorker) supervise(config)
  else await serveHere(config)
}

/** Runs the workers, each of which is this program once more. */
function supervise(config: Config): void {
  const output = createLog(config, isTerminal, null)
  const metrics = new MetricsGatherer()
  const workers = new WorkerPool({
    count: config.workers,
    log: output.log,
    fork: () => cluster.fork({ [workerMark]: '1' }),
    onListening: worker => metrics.add(worker),
    onFailure: code => exit(output, code),
  })
  process.on('exit', () => workers.kill())
  endAtSignal(output, () => workers.close(config.drainMs + workersMs))
  workers.start()
}

/** Serves in this process, which may be one of the workers. */
async function serveHere(config: Config): Promise<void> {
  const worker = isOwnWorker ? cluster.worker : undefined
  const output = createLog(config, isTerminal, worker ? { pid: process.pid } : null)
  const { log } = output
  // If the primary process ends, this worker receives no more connections. It exits, so that its clients reconnect and
  // a new primary process can use the port.
  worker?.once('disconnect', () => exit(output, 1))
  const share = worker && shareMetrics(worker, error => log.error({ err: error }, 'metrics could not be read'))
  const colocate = await createColocate({ logger: log, page: true }, { config, shareMetrics: share })
  if (!config.redis && isOneOfSeveral(env)) {
    log.warn('several workers without Redis: each worker has rooms of its own; set REDIS_URL')
  }
  if (config.adminPort !== undefined) {
    const { address } = await listen(colocate.adminHandler, { ...config, port: config.adminPort }, log)
    log.info({ port: address.port }, 'metrics')
  }
  const { server, address } = await listen(colocate.handler, config, log)
  endAtSignal(output, async () => {
    await colocate.close()
    closeServer(server)
  })
  if (worker) sendTo(worker, { type: 'colocate:listening' })
  if (isTerminal && (!worker || worker.id === 1)) print(`\n  Open ${urlOf(address)}\n`)
  // Logged last, because a reader of this line may send a signal.
  log.info({ host: address.address, port: address.port, store: config.redis?.kind ?? 'memory' }, 'listening')
}

/**
 * Closes and then exits at SIGTERM or SIGINT. A second signal exits at once, except in a worker: a terminal and some process
 * managers send a signal to all processes, and the primary process sends it once more.
 */
function endAtSignal(output: Log, close: () => Promise<void>): void {
  let isEnding = false
  const end = (signal: NodeJS.Signals) => {
    if (isEnding && !isOwnWorker) exit(output, 1)
    if (isEnding) return
    isEnding = true
    output.log.info({ signal }, 'draining')
    void finish(output, close)
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}

async function finish(output: Log, close: () => Promise<void>): Promise<void> {
  const { log } = output
  const code = await close().then(
    () => {
      log.info('ended')
      return 0
    },
    error => {
      log.error({ err: error }, 'could not end cleanly')
      return 1
    },
  )
  // Writing to a stream that is ending would throw.
  log.level = 'silent'
  output.end(() => exit(output, code))
  void setTimeout(lastLinesMs).then(() => exit(output, code))
}

/**
 * Exits without the log lines that are not written yet. pino would write them at exit, and would retry forever if
 * nothing reads from the pipe.
 */
function exit(output: Log, code: number): never {
  output.destroy()
  process.exit(code)
}

/** The address for a browser on this machine. */
function urlOf({ address, port }: AddressInfo): string {
  const isHere = ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(address)
  return `http://${isHere ? 'localhost' : address.includes(':') ? `[${address}]` : address}:${port}/`
}

/** Whether a process manager runs several of this program. pm2 numbers its processes, also outside of its cluster mode. */
function isOneOfSeveral({ NODE_APP_INSTANCE, instances }: NodeJS.ProcessEnv): boolean {
  return cluster.isWorker || Number(NODE_APP_INSTANCE) > 0 || Number(instances) > 1
}

main(process.argv.slice(2)).catch(error => {
  stderr.write(`${error instanceof ConfigError ? error.message : `colocate: ${error.message}`}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
})
