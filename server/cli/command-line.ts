/**
 * Reads the command line: which command it calls, with which flags and arguments.
 */
import { parseArgs } from 'node:util'
import { type Command, createCommands, type Flag, generalFlags } from './commands.ts'
import { commandHelp, generalHelp } from './help.ts'
import { nearest } from './nearest.ts'

/** A call of a command. */
export interface Call {
  kind: 'run'
  command: Command['name']
  /** The values of the flags that are set, by name without dashes. A flag without a value is "true". */
  flags: Record<string, string>
  args: string[]
}

/** What the process must do. `text` is to be printed. */
export type Invocation = Call | { kind: 'help'; text: string } | { kind: 'version' }

/** The command line is wrong. The process must print the message and exit with 2. */
export class UsageError extends Error {
  readonly code = 'usage'
}

const shortNames: Record<string, string> = { help: 'h', version: 'v' }

/** `argv`: the arguments after the program's name. Throws a `UsageError`. */
export function parseCommandLine(argv: readonly string[]): Invocation {
  const commands = createCommands()
  const serve = commands.find(({ name }) => name === 'serve') as Command
  const [first = '', ...rest] = argv
  if (first === '' || first.startsWith('-')) {
    return parseFlags(serve, argv, () => generalHelp(commands, serve))
  }
  if (first === 'help' && rest[0] === undefined) return { kind: 'help', text: generalHelp(commands, serve) }
  const named = first === 'help' ? String(rest[0]) : first
  const command = commands.find(({ name }) => name === named)
  if (!command) {
    const names = [...commands.map(({ name }) => name), 'help']
    throw new UsageError(`unknown command "${named}". Did you mean "${nearest(named, names)}"?`)
  }
  if (first === 'help') return { kind: 'help', text: commandHelp(command) }
  return parseFlags(command, rest, () => commandHelp(command))
}

function parseFlags(command: Command, argv: readonly string[], help: () => string): Invocation {
  const known = new Map([...command.flags, ...generalFlags].map(flag => [flag.name, flag]))
  const find = (name: string) => known.get(command.aliases[name] ?? name)
  const names = [...known.keys(), ...Object.keys(command.aliases)]
  const options = Object.fromEntries(names.map(name => [name, parserOption(name, find(name))]))
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })

  const flags: Call['flags'] = {}
  const args: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value)
    if (token.kind !== 'option') continue
    const flag = find(token.name)
    if (!flag) throw unknownFlag(token.rawName, names)
    flags[flag.name] = flagValue(flag, token)
  }
  if (flags.help) return { kind: 'help', text: help() }
  if (flags.version) return { kind: 'version' }
  const extra = args[command.maxArgs]
  if (extra !== undefined) throw new UsageError(`colocate ${command.name} does not take the argument "${extra}"`)
  return { kind: 'run', command: command.name, flags, args }
}

function parserOption(name: string, flag: Flag | undefined): { type: 'boolean' | 'string'; short?: string } {
  const short = shortNames[name]
  return { type: flag?.value === undefined ? 'boolean' : 'string', ...(short && { short }) }
}

interface OptionToken {
  rawName: string
  value: string | undefined
  inlineValue: boolean | undefined
}

function flagValue({ value: placeholder }: Flag, { rawName, value, inlineValue }: OptionToken): string {
  if (placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} does not take a value`)
    return 'true'
  }
  // Without "=", a flag that follows is not the value.
  if (value === undefined || (!inlineValue && value.startsWith('--'))) throw new UsageError(`${rawName} needs a value`)
  return value
}

function unknownFlag(name: string, names: string[]): UsageError {
  const candidates = names.map(each => `--${each}`)
  return new UsageError(`unknown flag "${name}". Did you mean "${nearest(name, candidates)}"?`)
}
