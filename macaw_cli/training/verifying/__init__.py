"""`macaw train --verify-resume`: a killed and resumed run beside an undisturbed one."""
