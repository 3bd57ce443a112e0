import { defineCommand } from '../command.ts';

const shells: Readonly<Record<string, string>> = {
  // Bash splits words at = and :, and puts what is offered in place of the last part.
  bash: `# bash completion for karmadactl
_karmadactl() {
  local line="\${COMP_LINE:0:COMP_POINT}" words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local last="\${words[\${#words[@]} - 1]}"
  local kept="\${last%"\${last##*[=:]}"}"
  local IFS=$'\\n'
  COMPREPLY=($(karmadactl __complete "\${words[@]:1}" 2>/dev/null))
  COMPREPLY=("\${COMPREPLY[@]#"$kept"}")
}
complete -F _karmadactl karmadactl
`,
  zsh: `#compdef karmadactl
compdef _karmadactl karmadactl
_karmadactl() {
  local -a found
  found=("\${(@f)$(karmadactl __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
`,
  fish: `# fish completion for karmadactl
function __karmadactl_complete
  set -l words (commandline -opc) (commandline -ct)
  karmadactl __complete $words[2..-1] 2>/dev/null
end
complete -c karmadactl -f -a '(__karmadactl_complete)'
`,
};

export const completionCommand = defineCommand({
  flags: {},
  async run({ args, io }) {
    const [shell, ...more] = args;
    if (shell === undefined) throw new Error('Shell not specified.');
    if (more.length > 0) throw new Error('Too many arguments. Expected only the shell type.');
    const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
    if (script === undefined) throw new Error(`Unsupported shell type "${shell}".`);
    io.stdout(script);
  },
});
