import { buildCommand } from '@stricli/core';
import type { Context } from '../command.ts';

const scripts = {
  bash: `_godwit() {
  local IFS=$'\\n'
  COMPREPLY=($(godwit __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _godwit godwit
`,
  zsh: `#compdef godwit
_godwit() {
  local -a found
  found=("\${(@f)$(godwit __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _godwit godwit
`,
};
type Shell = keyof typeof scripts;

/** Prints what a shell needs to complete; the words themselves come from `godwit __complete`, so they are never out of date. */
export const completion = buildCommand<object, [Shell], Context>({
  docs: { brief: 'Print a completion script: eval "$(godwit completion bash)"' },
  parameters: { positional: { kind: 'tuple', parameters: [{ brief: 'bash or zsh', placeholder: 'SHELL', parse: shell }] } },
  func(this: Context, _flags: object, name: Shell) {
    this.io.stdout.write(scripts[name]);
  },
});

function shell(input: string): Shell {
  if (Object.hasOwn(scripts, input)) return input as Shell;
  throw new Error('bash or zsh');
}
