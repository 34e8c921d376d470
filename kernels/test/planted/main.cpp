// planted NAME [right]: runs the kernel of that name with its bug, or without.
#include <cstring>

#include "planted.h"

bool planted = true;
Program *Program::first = nullptr;

int main(int count, char **arguments) {
  planted = count < 3 || strcmp(arguments[2], "right") != 0;
  for (Program *program = Program::first; count > 1 && program; program = program->next)
    if (strcmp(program->name, arguments[1]) == 0) return program->run();
  fprintf(stderr, "usage: planted NAME [right]\n");
  return 2;
}
