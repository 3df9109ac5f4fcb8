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
import { createLog } from './cli/log.ts'
import { makeToken } from './cli/token.ts'
import { top } from './cli/top/top.ts'
import { type Config, ConfigError, readConfig } from './config/config.ts'
import { optionsOf } from './config/flags.ts'
import { closeServer, listen } from './http/http-server.ts'
import { createColocate } from './index.ts'
import { packageVersion } from './version.ts'

/**
 * Node allocates streams, which live for hours, and requests, which live for milliseconds, at the same places in its code.
 * After many streams have opened, V8 would allocate everything from these places in the old generation, where requests
 * stay until the next full collection.
 */
setFlagsFromString('--no-allocation-site-pretenuring')

/** How long the exit waits until the last log lines are written. */
const lastLinesMs = 500

async function main(argv: string[]): Promise<void> {
  const invocation = parseCommandLine(argv)
  if (invocation.kind === 'help') print(invocation.text)
  else if (invocation.kind === 'version') print(packageVersion)
  else await run(invocation)
}

async function run({ command, flags, args: [url] }: Call): Promise<void> {
  const { stdout, stderr, env } = process
  if (command === 'serve') await serve(readConfig(env, optionsOf(flags)))
  else if (command === 'token') print(await makeToken(flags, readConfig(env).auth))
  else process.exitCode = await { doctor, top }[command]({ ...flags, url }, stdout, stderr)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function serve(config: Config): Promise<void> {
  const isTerminal = process.stdout.isTTY === true
  const { log, ...lines } = createLog(config, isTerminal)
  const colocate = await createColocate({ logger: log, page: true }, { config })
  if (!config.redis && isOneOfSeveral(process.env)) {
    log.warn('several workers without Redis: each worker has rooms of its own; set REDIS_URL')
  }
  if (config.adminPort !== undefined) {
    const { address } = await listen(colocate.adminHandler, { ...config, port: config.adminPort }, log)
    log.info({ port: address.port }, 'metrics')
  }
  const { server, address } = await listen(colocate.handler, config, log)

  let isEnding = false
  const close = async () => {
    await colocate.close()
    closeServer(server)
  }
  const exit = (code: number) => {
    // Without this, pino writes the remaining lines at exit and retries forever if nothing reads from the pipe.
    lines.destroy()
    process.exit(code)
  }
  const finish = async () => {
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
    lines.end(() => exit(code))
    void setTimeout(lastLinesMs).then(() => exit(code))
  }
  const end = (signal: NodeJS.Signals) => {
    if (isEnding) exit(1)
    isEnding = true
    log.info({ signal }, 'draining')
    void finish()
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  if (isTerminal) print(`\n  Open ${urlOf(address)}\n`)
  // Logged last, because a reader of this line may send a signal.
  log.info({ host: address.address, port: address.port, store: config.redis?.kind ?? 'memory' }, 'listening')
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
  process.stderr.write(`${error instanceof ConfigError ? error.message : `colocate: ${error.message}`}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
})
